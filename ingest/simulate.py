"""Movies of dividing fluorescent nuclei with exact masks and lineages, from nothing but a seed."""

from dataclasses import dataclass, field

import numpy as np

from ingest.culture import Cells, Culture, CultureSettings
from ingest.errors import InputError
from ingest.measure import measure
from ingest.microscope import Microscope, MicroscopeSettings, Silhouettes, silhouettes
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections, IntArray, LinkKind, TrackingGraph

ENTERS, LEAVES = 0.5, 0.25
"""A cell is labelled from where half of it is in the field until less than a quarter is: none flickers."""


MAY_BE_ZERO = {
    *("count", "cycle_cv", "speed_um_per_hour", "brightness_cv", "gap_um"),
    *("signal", "background", "gradient", "haze", "blur_um", "gain", "offset", "read_noise"),
}
"""Settings that mean something at zero; the others must be positive."""


@dataclass(frozen=True)
class SimulationSettings:
    """A movie to be simulated.

    Attributes:
        frames: number of frames.
        minutes_per_frame: time between two frames.
        height_um, width_um: of the field of view.
        culture: what the cells are like.
        microscope: how they are looked at.

    Raises:
        InputError: a setting is negative, or zero where that means nothing.
    """

    frames: int = 40
    minutes_per_frame: float = 30.0
    height_um: float = 230.0
    width_um: float = 260.0
    culture: CultureSettings = field(default_factory=CultureSettings)
    microscope: MicroscopeSettings = field(default_factory=MicroscopeSettings)

    def __post_init__(self) -> None:
        for part in (self, self.culture, self.microscope):
            for name, value in vars(part).items():
                if isinstance(value, int | float) and not (value > 0 or (value == 0 and name in MAY_BE_ZERO)):
                    raise InputError(
                        f"{name} is {value}", place="simulation", remedy="give a positive number"
                    )

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the images, pixels."""
        pixel_size = self.microscope.pixel_size
        return round(self.height_um / pixel_size), round(self.width_um / pixel_size)


@dataclass(frozen=True, eq=False)
class SimulatedMovie:
    """A movie with its ground truth; a mask's label is the number of its tracklet in `graph`, from one."""

    movie: Movie
    labels: LabelImages
    graph: TrackingGraph


def simulate(
    settings: SimulationSettings | None = None, *, seed: int, progress: Progress = silent
) -> SimulatedMovie:
    """Simulate a movie; the same settings and seed give the same bits.

    A cell whose smaller part is in the field is drawn, but has no label (`ENTERS`, `LEAVES`): there its track
    ends, and if it comes back it founds a new one.

    Args:
        settings: of the cells and of the microscope.
        seed: of all that is random.
        progress: told of each frame.
    """
    settings = settings or SimulationSettings()
    rng = np.random.default_rng(seed)
    culture = Culture(settings.culture, (settings.height_um, settings.width_um), rng)
    microscope = Microscope(settings.microscope, settings.shape, rng)
    frames = np.empty((settings.frames, *settings.shape), np.uint16)
    masks = np.zeros((settings.frames, *settings.shape), np.int32)
    family: list[IntArray] = []
    known = 0
    for t in progress(range(settings.frames), "Simulating"):
        if t:
            culture.advance(settings.minutes_per_frame)
        cells = culture.cells
        seen = silhouettes(cells, settings.culture, settings.shape, settings.microscope.pixel_size)
        known = _label(cells, seen, known)
        family.append(_births(cells))
        masks[t].ravel()[seen.pixel] = cells["track"][seen.owner]
        frames[t] = microscope.expose(cells, settings.culture, seen, rng)
    movie = Movie.from_array(
        frames,
        name=f"simulated-{seed}",
        axes="TYX",
        pixel_size=settings.microscope.pixel_size,
        minutes_per_frame=settings.minutes_per_frame,
        channels=("nuclei",),
    )
    labels = LabelImages.from_array(masks)
    graph = _graph(measure(labels, movie), np.concatenate(family))
    return SimulatedMovie(movie, labels, graph)


def _label(cells: Cells, seen: Silhouettes, known: int) -> int:
    """Give the cells that appear the labels after `known`, take them from the gone; the last given."""
    drawn = np.bincount(seen.owner, minlength=len(cells)) > 0
    expected = (cells["track"] > 0) | (cells["parent"] > 0)
    present = drawn & (seen.visible >= np.where(expected, LEAVES, ENTERS))
    new = present & (cells["track"] == 0)
    cells["track"][~present] = 0
    cells["track"][new] = known + np.arange(1, new.sum() + 1)
    return known + int(new.sum())


def _births(cells: Cells) -> IntArray:
    """(b, 2) label of the mother and of the daughter, for the daughters born and seen in this frame."""
    born = cells[(cells["parent"] > 0) & (cells["track"] > 0)]
    return np.stack([born["parent"], born["track"]], axis=1)


def _graph(detections: Detections, births: IntArray) -> TrackingGraph:
    """Link equal labels of following frames, and each mother's last detection to her daughters' first."""
    later = detections.rows(detections.frame + 1, detections.label)
    earlier = np.flatnonzero(later >= 0)
    _, first = np.unique(detections.label, return_index=True)  # (labels,) since labels are 1, 2, …
    daughters = first[births[:, 1] - 1]
    mothers = detections.rows(detections.frame[daughters] - 1, births[:, 0])
    links = np.concatenate(
        [np.stack([earlier, later[earlier]], axis=1), np.stack([mothers, daughters], axis=1)]
    )
    kind = np.repeat(np.array([LinkKind.NEXT, LinkKind.DIVISION], np.uint8), [len(earlier), len(births)])
    order = np.argsort(links[:, 1])
    return TrackingGraph(detections, links[order], kind[order])
