"""The trackers by name, and what a user may choose about them."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import InputError
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress
from ingest.tracking_graph import Detections, TrackingGraph
from tracker.config import TrackerConfig
from tracker.registry import TRACKER_OF

LEARNED = "learned"


@dataclass(frozen=True)
class TrackerChoice:
    """Which tracker, and how it runs.

    Attributes:
        name: in `TRACKERS`.
        decision: of the learned tracker: `joint` or `assignment`.
        device: that its network runs on: `auto`, `cpu`, `cuda` …
        weights: of its network; None for those that are shipped.
    """

    name: str = LEARNED
    decision: str = "joint"
    device: str = "auto"
    weights: Path | None = None

    def __post_init__(self) -> None:
        if self.name not in TRACKERS:
            raise InputError(
                f"no tracker {self.name!r}", place="--tracker", remedy=f"choose one of {', '.join(TRACKERS)}"
            )
        if self.name != LEARNED:
            self._refuse_what_only_a_network_has()
        if self.weights is not None and not self.weights.is_file():  # told before a movie is segmented
            raise InputError("no such file", place=str(self.weights), remedy="name a .safetensors file")

    def _refuse_what_only_a_network_has(self) -> None:
        plain = TrackerChoice()
        for option in ("weights", "decision", "device"):
            if getattr(self, option) != getattr(plain, option):
                raise InputError(
                    f"{option} {getattr(self, option)} for {self.name}, which has no network",
                    place=option,
                    remedy=f"leave it out, or choose the tracker {LEARNED}",
                )


@dataclass(frozen=True, eq=False)
class Linked:
    """A tracking, and what made it, for its record.

    Attributes:
        graph: the tracking.
        parameters: of the tracker.
        device: that its network ran on; None without a network.
        weights: sha256 of its network's, in hex; None without.
        as_segmented: whether cells that were given were linked as those of a segmentation, since there are
            pieces among them, merged ones, or things that are no cells.
    """

    graph: TrackingGraph
    parameters: Mapping[str, object]
    device: str | None = None
    weights: str | None = None
    as_segmented: bool = False


Link = Callable[[LabelImages, Detections, Movie, Progress], Linked]
"""Links the detections of a movie; InputError, LineageError: they are not those of its label images."""


def load_tracker(choice: TrackerChoice, *, segmented: bool = False) -> Link:
    """The chosen tracker, ready to run; the learned one takes seconds.

    Args:
        choice: which one.
        segmented: whether the cells are those of our own segmentation: then the network is one that knows how
            a segmentation errs, unless weights are given, and a division may cost more (`link_segmented`).
            Cells that are given are linked so, too, where their draft shows flaws, unless weights are given.

    Raises:
        InputError: the weights cannot be read; there is no such device or decision.
    """
    return TRACKERS[choice.name](choice, segmented)


def _plain(choice: TrackerChoice, _: bool) -> Link:
    config, run = TrackerConfig(), TRACKER_OF[choice.name]

    def track(labels: LabelImages, detections: Detections, _: Movie, progress: Progress) -> Linked:
        return Linked(run(labels, detections, config=config, progress=progress), config.as_dict())

    return track


def _learned(choice: TrackerChoice, segmented: bool) -> Link:
    with _importing():  # torch takes seconds, and only this tracker needs it
        from tracker.checkpoint import SEGMENTED, SHIPPED, load_model
        from tracker.flaws import has_flaws
        from tracker.learned import LearnedConfig, choose_device, device_name, link, link_segmented, see

    config = LearnedConfig(decision=choice.decision, device=choice.device)
    usual = load_model(choice.weights or (SEGMENTED if segmented else SHIPPED))
    device = device_name(choose_device(choice.device))

    def track(labels: LabelImages, detections: Detections, movie: Movie, progress: Progress) -> Linked:
        network = usual
        view = see(labels, detections, movie, network.model, config, progress)
        is_flawed = not segmented and choice.weights is None and has_flaws(view.scene)
        if is_flawed:
            network, scene = load_model(SEGMENTED), view.scene
            del view
            view = see(labels, detections, movie, network.model, config, progress, drafted=scene)
        if segmented or is_flawed:
            graph, used = link_segmented(view, network.model, config)
        else:
            graph, used = link(view, network.model, config), config
        return Linked(graph, used.as_dict(), device, network.digest, as_segmented=is_flawed)

    return track


@contextmanager
def _importing() -> Iterator[None]:
    """Leave garbage where it is: looking through what a library brings, and keeps, is a tenth of its time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


TRACKERS: Mapping[str, Callable[[TrackerChoice, bool], Link]] = {
    LEARNED: _learned,
    **dict.fromkeys(TRACKER_OF, _plain),
}
"""The trackers by name; the first is the default."""
