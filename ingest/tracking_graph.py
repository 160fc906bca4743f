"""The type in the middle: a tracking as columns. Readers produce it, everything else consumes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class LinkKind(IntEnum):
    """What a link from a detection to a later one means (docs/glossary.md)."""

    NEXT = 0
    """The same cell, one frame later."""
    GAP = 1
    """The same cell, frames missed between."""
    DIVISION = 2
    """Mother to daughter."""


@dataclass(frozen=True, eq=False)
class Detections:
    """The cells of every frame, one row a detection, sorted by (frame, label).

    Attributes:
        frame: (N,) zero-based frame.
        label: (N,) value of the cell in its frame's label image, > 0.
        y, x: (N,) centroid in pixels.
        features: name → (N,) column; area in pixels, mean_0 of channel 0, … (docs/glossary.md).
    """

    frame: IntArray
    label: IntArray
    y: FloatArray
    x: FloatArray
    features: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {"label": self.label, "y": self.y, "x": self.x, **self.features}
        for name, column in columns.items():
            assert column.shape == self.frame.shape, f"{name}: {column.shape}, frame: {self.frame.shape}"
        key_frame, key_label = np.diff(self.frame), np.diff(self.label)
        assert np.all((key_frame > 0) | ((key_frame == 0) & (key_label > 0))), (
            "rows must ascend by (frame, label)"
        )

    def __len__(self) -> int:
        return len(self.frame)

    def rows(self, frame: IntArray | int, label: IntArray | int) -> IntArray:
        """Row of each (frame, label), −1 where there is none; scalars or arrays of one shape."""
        frame, label = np.broadcast_arrays(np.asarray(frame, np.int64), np.asarray(label, np.int64))
        if len(self) == 0:
            return np.full(frame.shape, -1, np.int64)
        width = int(max(self.label.max(), label.max(initial=0))) + 1
        keys, wanted = self.frame * width + self.label, frame * width + label
        row = np.minimum(np.searchsorted(keys, wanted), len(self) - 1)
        return np.where(keys[row] == wanted, row, -1)

    def frame_slice(self, frame: int) -> slice:
        """Rows of one frame."""
        start, stop = np.searchsorted(self.frame, [frame, frame + 1])
        return slice(int(start), int(stop))


@dataclass(frozen=True, eq=False)
class Tracks:
    """Runs of links that follow one cell; one row a track, sorted by (begin, first label).

    Attributes:
        begin, end: (T,) first and last frame, both inclusive.
        first, last: (T,) row of the first and of the last detection.
        parent: (T,) row of the track that it descends from, −1 for a founder.
        of_detection: (N,) row of each detection's track.
    """

    begin: IntArray
    end: IntArray
    first: IntArray
    last: IntArray
    parent: IntArray
    of_detection: IntArray

    def __len__(self) -> int:
        return len(self.begin)

    @cached_property
    def founder(self) -> IntArray:
        """(T,) row of the first ancestor; a founder is its own."""
        return self._ancestry[0]

    @cached_property
    def generation(self) -> IntArray:
        """(T,) number of ancestors: 0 for a founder."""
        return self._ancestry[1]

    @cached_property
    def _ancestry(self) -> tuple[IntArray, IntArray]:
        # Doubling the pointers to the parents needs log2(depth) rounds.
        rows = np.arange(len(self), dtype=np.int64)
        up = np.where(self.parent < 0, rows, self.parent)
        depth = (self.parent >= 0).astype(np.int64)
        while np.any(up[up] != up):
            depth, up = depth + depth[up], up[up]
        return up, depth


@dataclass(frozen=True, eq=False)
class TrackingGraph:
    """One complete tracking of a movie: detections and the links between them.

    Attributes:
        detections: the nodes.
        links: (E, 2) rows of the earlier and of the later detection, sorted by the later one.
        kind: (E,) a `LinkKind` for each link.
        probability: (E,) how sure the tracker is of each link, 0..1; None where it does not say.
    """

    detections: Detections
    links: IntArray
    kind: npt.NDArray[np.uint8]
    probability: FloatArray | None = None

    def __post_init__(self) -> None:
        assert self.links.ndim == 2, self.links.shape
        assert self.links.shape == (len(self.kind), 2), (self.links.shape, self.kind.shape)
        if self.probability is not None:
            assert self.probability.shape == self.kind.shape, (self.probability.shape, self.kind.shape)

    @cached_property
    def tracks(self) -> Tracks:
        """Each cell from birth to division or loss: runs of NEXT and GAP links."""
        return self._runs(self.kind != LinkKind.DIVISION)

    @cached_property
    def tracklets(self) -> Tracks:
        """Each unbroken run of NEXT links: what the Cell Tracking Challenge calls a track (one label)."""
        return self._runs(self.kind == LinkKind.NEXT)

    @cached_property
    def divisions(self) -> IntArray:
        """(D,) rows, in `tracks`, of the mothers: tracks with two daughters or more."""
        parent = self.tracks.parent
        counts = np.bincount(parent[parent >= 0], minlength=len(self.tracks))
        return np.flatnonzero(counts >= 2)

    @cached_property
    def division_probability(self) -> FloatArray:
        """(D,) the least of the links to the daughters, of those that are known; NaN where none is."""
        tracks = self.tracks
        daughters = np.flatnonzero(tracks.parent >= 0)
        least = np.full(len(tracks), np.nan)
        np.fmin.at(least, tracks.parent[daughters], self.link_probability[tracks.first[daughters]])
        return least[self.divisions]

    @cached_property
    def link_probability(self) -> FloatArray:
        """(N,) probability of the link that leads to each detection; NaN where none does or none is known."""
        column = np.full(len(self.detections), np.nan)
        if self.probability is not None:
            column[self.links[:, 1]] = self.probability
        return column

    @cached_property
    def parents(self) -> IntArray:
        """(N,) row of the detection that each one is linked from, −1 where there is none."""
        parents = np.full(len(self.detections), -1, np.int64)
        parents[self.links[:, 1]] = self.links[:, 0]
        return parents

    def _runs(self, within: BoolArray) -> Tracks:
        """Tracks made of the links where `within`; the other links join a track to its parent."""
        rows = np.arange(len(self.detections))
        inner, outer = self.links[within], self.links[~within]
        head = rows.copy()
        head[inner[:, 1]] = inner[:, 0]
        for _ in range(len(rows).bit_length()):  # doubling the way back ends at the first detection
            earlier = head[head]
            if np.array_equal(earlier, head):
                break
            head = earlier
        is_first = head == rows
        first = np.flatnonzero(is_first)  # so by (begin, first label), since rows ascend so
        of_detection = (np.cumsum(is_first) - 1)[head]
        count = len(first)
        last = np.zeros(count, np.int64)
        np.maximum.at(last, of_detection, rows)
        parent = np.full(count, -1, np.int64)
        parent[of_detection[outer[:, 1]]] = of_detection[outer[:, 0]]
        frame = self.detections.frame
        return Tracks(frame[first], frame[last], first, last, parent, of_detection)
