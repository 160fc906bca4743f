"""Movies whose links are known, for the comparison of trackers: real ones, parts of them, and simulated ones.

A case holds the very detections that a tracker is given, so only its links can be wrong. Of a real movie
these are the full masks of `01_ST/SEG`, which bear the tracks' labels, and the marker of `01_GT/TRA` where
there is none. Labels are shuffled in each frame: they must tell a tracker nothing.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from graph.scores.matching import Matching
from graph.scores.report import Score, score
from ingest.formats.ctc import read_tracking
from ingest.measure import measure
from ingest.movie import LabelImages, Movie, open_labels, open_movie
from ingest.simulate import SimulationSettings, simulate
from ingest.tracking_graph import BoolArray, Detections, IntArray, LinkKind, TrackingGraph
from tracker.dataset import TrainingMovie, Variation, vary

REAL = ("Fluo-N2DL-HeLa", "PhC-C2DL-PSC", "DIC-C2DH-HeLa")
"""Sets of the Cell Tracking Challenge whose sequence 01 lies in the data folder."""
TRAINED_SHARE = 0.7
"""Share of each sequence's frames, its first, that a tracker may be trained on; the rest is validation."""
TOLERANCE = 1
"""Frames by which a division may be early or late."""

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Case:
    """A movie and the truth about it.

    Attributes:
        name: what the tables call it.
        labels: (T, Y, X) label images that a tracker is given.
        truth: the detections measured on them (with intensities where there is a movie), and the true links.
        movie: the pixels, None where a tracker must do without.
    """

    name: str
    labels: LabelImages
    truth: TrackingGraph
    movie: Movie | None

    @property
    def detections(self) -> Detections:
        """What a tracker is given."""
        return self.truth.detections

    def score(self, computed: TrackingGraph) -> Score:
        """The score of a tracking of these detections, each of which matches itself."""
        rows = np.arange(len(self.detections))
        matching = Matching(rows, np.ones(len(rows), np.int64))
        return score(self.truth, computed, matching, tolerance=TOLERANCE)


def real_case(folder: Path, *, seed: int = 0) -> Case:
    """Sequence 01 of one set, its true cells under shuffled labels.

    Args:
        folder: of the set, with `01`, `01_GT/TRA` and `01_ST/SEG`.
        seed: of the labels.
    """
    markers, movie = read_tracking(folder / "01_GT"), open_movie(folder / "01")
    rng = np.random.default_rng(seed)
    images, lookups = [], []
    for marker, mask in zip(markers.labels, open_labels(folder / "01_ST" / "SEG"), strict=True):
        lookup = _shuffled(np.unique(marker[marker > 0]), rng)
        images.append(lookup[_true_cells(marker, mask)])
        lookups.append(lookup)
    labels = LabelImages.from_array(_compact(images))
    detections, true = measure(labels, movie), markers.graph.detections
    label = np.array([lookups[t][value] for t, value in zip(true.frame, true.label, strict=True)], np.int64)
    row = detections.rows(true.frame, label)
    assert np.array_equal(np.sort(row), np.arange(len(detections))), "a true cell without a mask of its own"
    return Case(folder.name, labels, _graph(detections, row[markers.graph.links], markers.graph.kind), movie)


def in_memory(case: Case) -> Case:
    """The same with its frames as an array."""
    if case.movie is None:
        return case
    frames = np.stack([case.movie.frame(t) for t in range(len(case.movie))])
    return replace(case, movie=replace(case.movie, read=lambda t: frames[t]))


def validation(case: Case) -> Case:
    """The last frames of a sequence, which no tracker is trained on."""
    begin = round(TRAINED_SHARE * len(case.labels))
    return stretch(case, begin, len(case.labels))


def stretch(case: Case, begin: int, end: int) -> Case:
    """The frames of [begin, end)."""
    return _kept(case, np.arange(begin, end), f"{case.name} {begin}–{end - 1}")


def every(case: Case, step: int) -> Case:
    """Each `step`th frame; the links lead from the last frame before that is kept."""
    return _kept(case, np.arange(0, len(case.labels), step), f"{case.name} 1/{step}")


def missed(case: Case, share: float, *, seed: int = 0) -> Case:
    """Without a random share of the detections; the links lead over them."""
    seen = np.random.default_rng(seed).random(len(case.detections)) >= share
    return _kept(case, np.arange(len(case.labels)), f"{case.name} −{share:.0%}", seen)


def as_markers(case: Case, diameters: float) -> Case:
    """Each cell a disc of so many typical cell diameters, as where they are marked or found as spots."""
    return _seen_as(case, Variation(0, len(case.labels), markers=diameters), f"{case.name} markers")


def with_flaws(case: Case, share: float, *, seed: int = 0) -> Case:
    """With a segmentation's flaws: such a share of the cells each is missed, cut, merged, and on top."""
    return _seen_as(
        case, Variation(0, len(case.labels), flaws=share, seed=seed), f"{case.name} {share:.0%} flaws"
    )


def _seen_as(case: Case, way: Variation, name: str) -> Case:
    labels, movie, truth = vary(TrainingMovie(case.name, case.movie, case.labels, case.truth), way)
    return Case(name, LabelImages.from_array(np.stack(list(labels))), truth, movie)


def simulated_case(seed: int, settings: SimulationSettings | None = None, *, name: str = "simulated") -> Case:
    """A simulated movie, its labels shuffled."""
    movie = simulate(settings, seed=seed)
    rng = np.random.default_rng(seed)
    images, rows, count = [], [], 0
    for t, image in enumerate(movie.labels):
        old = movie.graph.detections.label[movie.graph.detections.frame_slice(t)]
        lookup = _shuffled(old, rng)
        images.append(lookup[image])
        rows.append(count + lookup[old] - 1)
        count += len(old)
    labels, row = LabelImages.from_array(_compact(images)), np.concatenate(rows).astype(np.int64)
    detections = measure(labels, movie.movie)
    return Case(
        f"{name} {seed}", labels, _graph(detections, row[movie.graph.links], movie.graph.kind), movie.movie
    )


def _true_cells(marker: Labels, mask: Labels) -> Labels:
    """(Y, X) full masks of the cells that have a marker, and markers of those that have no mask."""
    known = np.unique(marker[marker > 0])
    image = np.where(np.isin(mask, known), mask, 0)
    only_marked = np.isin(marker, np.setdiff1d(known, image))
    return np.where(only_marked, marker, image)


def _shuffled(labels: IntArray | Labels, rng: np.random.Generator) -> Labels:
    """(largest + 1,) new label, 1 to n, of each of n labels, 0 of any other."""
    lookup = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    lookup[labels] = rng.permutation(len(labels)) + 1
    return lookup


def _compact(images: list[Labels]) -> npt.NDArray[np.uint16]:
    """(T, Y, X) in 16 bits, which hold 65,535 cells a frame."""
    return np.stack([image.astype(np.uint16) for image in images])


def _kept(case: Case, frames: IntArray, name: str, seen: BoolArray | None = None) -> Case:
    """The case in some frames only, and in those only what is `seen`, (N,)."""
    table = case.detections
    number = np.full(len(case.labels), -1, np.int64)
    number[frames] = np.arange(len(frames))
    kept = (number[table.frame] >= 0) & (True if seen is None else seen)
    row = np.where(kept, np.cumsum(kept) - 1, -1)
    detections = Detections(
        number[table.frame[kept]],
        table.label[kept],
        table.y[kept],
        table.x[kept],
        {feature: column[kept] for feature, column in table.features.items()},
    )
    links, kind = _bridged(case.truth, kept, number[table.frame])
    movie = case.movie and _frames_of(case.movie, frames)
    return Case(name, _labels(case, frames, kept), _graph(detections, row[links], kind), movie)


def _bridged(
    truth: TrackingGraph, kept: BoolArray, number: IntArray
) -> tuple[IntArray, npt.NDArray[np.uint8]]:
    """(E, 2) links from each kept detection's last ancestor that is kept, and (E,) their kinds.

    Kinds follow from the number of children and the frames' new `number`, (N,).
    """
    before = truth.parents
    while (unseen := (before >= 0) & ~kept[before]).any():
        before = np.where(unseen, truth.parents[before], before)
    later = np.flatnonzero(kept & (before >= 0))
    links = np.stack([before[later], later], axis=1)
    children = np.bincount(links[:, 0], minlength=len(kept))[links[:, 0]]
    gap = np.diff(number[links], axis=1)[:, 0] > 1
    kind = np.select([children >= 2, gap], [LinkKind.DIVISION, LinkKind.GAP], LinkKind.NEXT)
    return links, kind.astype(np.uint8)


def _labels(case: Case, frames: IntArray, kept: BoolArray) -> LabelImages:
    table = case.detections

    def read(t: int) -> npt.NDArray[np.integer]:
        image, rows = case.labels.stored_frame(int(frames[t])), table.frame_slice(int(frames[t]))
        lookup = np.zeros(int(image.max()) + 1, image.dtype)
        shown = table.label[rows][kept[rows]]
        lookup[shown] = shown
        left: npt.NDArray[np.integer] = lookup[image]
        return left

    return LabelImages((len(frames), *case.labels.shape[1:]), read, case.labels.source)


def _frames_of(movie: Movie, frames: IntArray) -> Movie:
    def read(t: int) -> npt.NDArray[np.generic]:
        return movie.frame(int(frames[t]))

    step = int(frames[1] - frames[0]) if len(frames) > 1 else 1
    minutes = movie.minutes_per_frame and movie.minutes_per_frame * step
    shape = (len(frames), *movie.shape[1:])
    return replace(movie, shape=shape, read=read, minutes_per_frame=minutes, files=())


def _graph(detections: Detections, links: IntArray, kind: npt.NDArray[np.uint8]) -> TrackingGraph:
    order = np.argsort(links[:, 1])
    return TrackingGraph(detections, links[order], kind[order])
