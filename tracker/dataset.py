"""What the network learns from: movies whose lineage is known, each in several variations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ingest.measure import measure, require_same_shape
from ingest.movie import LabelImages, Movie
from ingest.tracking_graph import BoolArray, Detections, IntArray, LinkKind, TrackingGraph
from tracker.cells import Cells
from tracker.config import LEARNED_DRAFT
from tracker.crops import SIDE, crops
from tracker.draft import make_draft
from tracker.imperfect import marked, missegmented
from tracker.inputs import Inputs, make_inputs
from tracker.lineage import NOBODY
from tracker.looks import Looks, crop_sums
from tracker.model import DIFFERENT, PARENT_CHILD, SAME
from tracker.scene import Scene, make_scene

UNKNOWN = -100
"""Stands for the truth of a pair or triple of which nothing is known."""
FLAWS = 0.02
"""Share of the cells for each kind of flaw, of which a network learns how segmentations err."""
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class TrainingMovie:
    """A movie with a known tracking of the cells in its label images.

    Attributes:
        name: for people.
        movie: the frames, or None for label images alone.
        labels: (T, Y, X) the cells.
        graph: of the detections of these label images.
        is_real: whether its last part may be held out for validation; a simulated movie proves nothing.

    Raises:
        InputError: the frames are not those of the label images.
    """

    name: str
    movie: Movie | None
    labels: LabelImages
    graph: TrackingGraph
    is_real: bool = True

    def __post_init__(self) -> None:
        if self.movie is not None:
            require_same_shape(self.labels, self.movie)


@dataclass(frozen=True)
class Variation:
    """A movie seen in another way.

    Attributes:
        begin, end: frames begin … end − 1 of the movie.
        stride: every `stride`th frame is taken.
        missed: share of the detections that are taken away.
        markers: in place of each cell there is a marker, a disc of so many typical cell diameters; 0 leaves
            the cells as they are.
        flaws: share of the cells that each is missed, cut in two, and merged with one beside it, where there
            is one, and that comes on top without being a cell, see `imperfect.missegmented`.
        seed: of what is random.
    """

    begin: int
    end: int
    stride: int = 1
    missed: float = 0.0
    markers: float = 0.0
    flaws: float = 0.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Example:
    """One variation of a movie, and what is true of it.

    Attributes:
        name: of the movie.
        scene: the cells and candidates.
        inputs: what the network sees.
        graph: the true lineage of the detections, across what was taken away.
        pair_class: (E,) class of each pair, or `UNKNOWN`.
        is_division: (T,) 1 for a division, or part of one into three, 0 for any other triple; or `UNKNOWN`.
    """

    name: str
    scene: Scene
    inputs: Inputs
    labels: LabelImages
    graph: TrackingGraph
    pair_class: Tensor
    is_division: Tensor

    @property
    def divisions(self) -> int:
        """How many mothers divide, as far as is known."""
        return len(np.unique(self.scene.triples[(self.is_division == 1).numpy(), 0]))


def make_example(source: TrainingMovie, variation: Variation) -> Example:
    """See a movie in one way."""
    labels, movie, graph = vary(source, variation)
    detections = graph.detections
    draft = make_draft(labels, detections, LEARNED_DRAFT)
    scene = make_scene(draft)
    pictures = torch.cat([torch.zeros(0, 2, SIDE, SIDE), *crops(labels, movie, detections, draft.cells)])
    looks = Looks.of(crop_sums(pictures), has_image=movie is not None)
    inputs = make_inputs(scene, detections, looks, pictures.half())
    return Example(source.name, scene, inputs, labels, graph, *truth_of(scene, graph))


def vary(source: TrainingMovie, way: Variation) -> tuple[LabelImages, Movie | None, TrackingGraph]:
    """The frames, label images and true lineage that are left of a movie."""
    frames = range(way.begin, way.end, way.stride)
    whole = source.graph.detections
    kept = np.random.default_rng(way.seed).random(len(whole)) >= way.missed
    marker, first = way.markers * Cells.of(whole).diameter, int(whole.label.max(initial=0)) + 1

    def seen(t: int) -> Labels:
        image = _erased(source.labels.frame(frames[t]), whole, frames[t], kept)
        if marker:
            image = marked(image, whole, frames[t], marker)
        if way.flaws:
            image = missegmented(image, way.flaws, first, np.random.default_rng([way.seed, frames[t]]))
        return image

    labels = LabelImages((len(frames), *source.labels.shape[1:]), seen)
    movie = None if source.movie is None else _frames(source.movie, frames)
    detections = measure(labels, movie)
    frame = np.full(len(source.labels), len(frames))  # of the variation; those left out have none
    frame[frames] = np.arange(len(frames))
    row = detections.rows(frame[whole.frame], whole.label)
    return labels, movie, contracted(source.graph, row, detections)


def with_flaws(source: TrainingMovie, seed: int) -> TrainingMovie:
    """The movie as a segmentation might show it, with `FLAWS` at random, see `Variation.flaws`."""
    labels, _, graph = vary(source, Variation(0, len(source.labels), flaws=FLAWS, seed=seed))
    return replace(source, name=f"{source.name} with flaws", labels=labels, graph=graph)


def _erased(image: Labels, detections: Detections, frame: int, kept: BoolArray) -> Labels:
    """(Y, X) label image without the cells that are not kept."""
    rows = detections.frame_slice(frame)
    return np.where(np.isin(image, detections.label[rows][kept[rows]]), image, 0)


def _frames(movie: Movie, frames: Sequence[int]) -> Movie:
    return replace(
        movie,
        shape=(len(frames), *movie.shape[1:]),
        read=lambda t: movie.read(frames[t]),
        minutes_per_frame=None,
        files=(),
    )


def contracted(graph: TrackingGraph, row: IntArray, detections: Detections) -> TrackingGraph:
    """The lineage of the detections that are left: each is linked to its nearest ancestor that is left.

    Args:
        graph: of N detections.
        row: (N,) row of each one among those that are left, each at most once; −1 for none.
        detections: those, as they are measured now; and others, perhaps, of which nothing is known.
    """
    kept = row != NOBODY
    ancestor = graph.parents.copy()
    divided = np.zeros(len(row), bool)
    divided[graph.links[:, 1]] = graph.kind == LinkKind.DIVISION
    crossed = divided.copy()
    while True:
        skipped = np.flatnonzero((ancestor >= 0) & ~np.append(kept, True)[ancestor])
        if not len(skipped):
            break
        crossed[skipped] |= divided[ancestor[skipped]]
        ancestor[skipped] = graph.parents[ancestor[skipped]]
    later = np.flatnonzero(kept & (ancestor >= 0))
    later = later[np.argsort(row[later])]
    links = np.stack([row[ancestor[later]], row[later]], axis=1)
    step = detections.frame[links[:, 1]] - detections.frame[links[:, 0]]
    kind = np.where(crossed[later], LinkKind.DIVISION, np.where(step > 1, LinkKind.GAP, LinkKind.NEXT))
    return TrackingGraph(detections, links, kind.astype(np.uint8))


def truth_of(scene: Scene, graph: TrackingGraph) -> tuple[Tensor, Tensor]:
    """(E,) the class of each pair, (T,) whether each triple is a division, by the true lineage.

    A cell that is linked to nothing may be one that nobody marked. So the truth of a pair is known if its
    source has a child, its target a parent, or both cells any link; likewise that of a triple. It is unknown
    where a track ends, or begins, beside a cell that is linked to nothing, which may be the same cell.
    """
    place = np.argsort(scene.draft.cells.row)  # row of a detection → cell
    parent = np.full(len(scene), NOBODY, np.int64)
    divided, goes_on = np.zeros(len(scene), bool), np.zeros(len(scene), bool)
    parent[place[graph.links[:, 1]]] = place[graph.links[:, 0]]
    divided[place[graph.links[:, 1]]] = graph.kind == LinkKind.DIVISION
    goes_on[place[graph.links[:, 0]]] = True
    comes = parent != NOBODY
    linked = goes_on | comes
    i, j = scene.pairs.source, scene.pairs.target
    pair_class = np.where(parent[j] == i, np.where(divided[j], PARENT_CHILD, SAME), DIFFERENT)
    pair_class = np.where(goes_on[i] | comes[j] | (linked[i] & linked[j]), pair_class, UNKNOWN)
    mother, daughters = scene.triples[:, 0], scene.triples[:, 1:]
    is_division = ((parent[daughters] == mother[:, None]) & divided[daughters]).all(axis=1)
    told = goes_on[mother] | comes[daughters].any(axis=1) | linked[scene.triples].all(axis=1)
    is_division = np.where(told, is_division, UNKNOWN)
    return torch.from_numpy(pair_class), torch.from_numpy(is_division)
