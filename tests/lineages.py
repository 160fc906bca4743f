r"""Tiny drawn lineages that all tests share: right ones, pairs with one kind of error each, and invalid ones.

Time runs to the right, a column a frame. A digit is the label of a cell in that frame, `.` an empty place,
`-` a link within one label, `<`, `/` and `\` links from a parent, `~` a link over missed frames.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ingest.tracking_graph import Detections, LinkKind, TrackingGraph

Box = tuple[int, int, int, int]
"""y, x, height, width"""
SHAPE = (24, 44)


@dataclass(frozen=True)
class Cell:
    """One row of `man_track.txt`, and where the cell stands: a box that does not move."""

    label: int
    begin: int
    end: int
    parent: int = 0
    y: int = 10
    x: int = 20
    height: int = 6
    width: int = 6

    @property
    def box(self) -> Box:
        return self.y, self.x, self.height, self.width


@dataclass(frozen=True)
class Drawing:
    """A tracking small enough to check by eye.

    Attributes:
        labels: (T, Y, X) label images.
        graph: the detections of `labels` and their links.
        cells: what was drawn, a row of `man_track.txt` each.
    """

    labels: npt.NDArray[np.int32]
    graph: TrackingGraph
    cells: tuple[Cell, ...]


Draw = Callable[[], Drawing]


@dataclass(frozen=True)
class Pair:
    """Two trackings of one movie, and the operations that turn the computed one into the reference."""

    reference: Drawing
    computed: Drawing
    operations: Mapping[str, int] = field(default_factory=dict)


def drawn(
    frames: int, cells: Sequence[Cell], *, boxes: Mapping[tuple[int, int], Box] | None = None
) -> Drawing:
    """Draw `cells`; `boxes` says where a (frame, label) stands instead."""
    labels = np.zeros((frames, *SHAPE), np.int32)
    for cell in cells:
        for t in range(cell.begin, cell.end + 1):
            y, x, height, width = (boxes or {}).get((t, cell.label), cell.box)
            labels[t, y : y + height, x : x + width] = cell.label
    return Drawing(labels, _graph(labels, cells), tuple(cells))


def _graph(labels: npt.NDArray[np.int32], cells: Sequence[Cell]) -> TrackingGraph:
    """The slow and plain way: a look at each cell of each frame."""
    rows = [(t, label) for t, image in enumerate(labels) for label in sorted({*image.flat} - {0})]
    row_of = {key: row for row, key in enumerate(rows)}
    places = [np.nonzero(labels[t] == label) for t, label in rows]
    links = [
        (row_of[t, cell.label], row_of[t + 1, cell.label], LinkKind.NEXT)
        for cell in cells
        for t in range(cell.begin, cell.end)
    ]
    for cell in (c for c in cells if c.parent):
        (parent,) = (c for c in cells if c.label == cell.parent)
        only_child = sum(c.parent == cell.parent for c in cells) == 1
        missed = cell.begin - parent.end > 1
        kind = LinkKind.GAP if only_child and missed else LinkKind.DIVISION
        links.append((row_of[parent.end, parent.label], row_of[cell.begin, cell.label], kind))
    frame, label = np.array(rows, np.int64).reshape(-1, 2).T
    detections = Detections(
        frame,
        label,
        y=np.array([y.mean() for y, _ in places], np.float64),
        x=np.array([x.mean() for _, x in places], np.float64),
        features={"area": np.array([len(y) for y, _ in places], np.float64)},
    )
    return _linked(detections, links)


def _linked(detections: Detections, links: Sequence[tuple[int, int, LinkKind]]) -> TrackingGraph:
    table = np.array(sorted(links, key=lambda link: (link[1], link[0])), np.int64).reshape(-1, 3)
    return TrackingGraph(detections, table[:, :2], table[:, 2].astype(np.uint8))


# . . .
def no_cells() -> Drawing:
    return drawn(3, [])


# . . 5
def one_detection() -> Drawing:
    return drawn(3, [Cell(5, 2, 2)])


# 1
# 3
def one_frame() -> Drawing:
    return drawn(1, [Cell(1, 0, 0, x=4), Cell(3, 0, 0, x=30)])


# . 1-1-1 .
def one_track() -> Drawing:
    return drawn(5, [Cell(1, 1, 3)])


#         2-2-2
# 1-1-1 <
#         3-3 .
def division() -> Drawing:
    return drawn(6, [Cell(1, 0, 2), Cell(2, 3, 5, parent=1, x=12), Cell(3, 3, 4, parent=1, x=26)])


#       2-2-2
# 1-1 < . 3 .
#       4-4 .
def division_into_three() -> Drawing:
    return drawn(5, [Cell(1, 0, 1), Cell(2, 2, 4, 1, x=4), Cell(3, 3, 3, 1, x=16), Cell(4, 2, 3, 1, x=30)])


#     2-2
#     3-3
# 1 <
#     4-4
#     5 .
def division_into_four() -> Drawing:
    return drawn(
        3,
        [
            Cell(1, 0, 0),
            Cell(2, 1, 2, 1, y=2, x=2),
            Cell(3, 1, 2, 1, y=2, x=30),
            Cell(4, 1, 2, 1, y=14, x=2),
            Cell(5, 1, 1, 1, y=14, x=30),
        ],
    )


# 1-1 \ 2-2-2
def one_daughter_seen() -> Drawing:
    return drawn(5, [Cell(1, 0, 1), Cell(2, 2, 4, parent=1)])


# 1-1 ~ 2-2
# 3-3-3-3-3
def gap() -> Drawing:
    return drawn(5, [Cell(1, 0, 1), Cell(2, 3, 4, parent=1), Cell(3, 0, 4, x=4)])


# . 1 ~ ~ 2 .
def empty_frames() -> Drawing:
    return drawn(6, [Cell(1, 1, 1), Cell(2, 4, 4, parent=1)])


#             4-4-4-4
#     2-2-2 <
# 1 <         5-5-5 .
#     3-3-3---3-3-3-3
# .   . 7-7---7-7 . .
def generations() -> Drawing:
    return drawn(
        8,
        [
            Cell(1, 0, 0, y=2),
            Cell(2, 1, 3, 1, y=2, x=10),
            Cell(3, 1, 7, 1, y=2, x=34),
            Cell(4, 4, 7, 2, y=2, x=2),
            Cell(5, 4, 6, 2, y=2, x=22),
            Cell(7, 2, 5, y=16, x=30, width=9),
        ],
    )


#             4-4 <   6-6-6-6, 8-8
#     2-2-2 <
# 1 <         5-5-5 <   10-10-10, 11-11-11
#     3-3-3---3-3-3---3-3-3
# .   . 7-7 ~ 9 . .   . . .
def growing() -> Drawing:
    """Three whole cell cycles; the cell that founds nothing is missed in frame 4."""
    return drawn(
        10,
        [
            Cell(1, 0, 0, y=2, x=2),
            Cell(2, 1, 3, 1, y=2, x=10),
            Cell(3, 1, 9, 1, y=2, x=34),
            Cell(4, 4, 5, 2, y=9, x=2),
            Cell(5, 4, 6, 2, y=9, x=12),
            Cell(6, 6, 9, 4, y=16, x=2, width=4),
            Cell(8, 6, 7, 4, y=16, x=8, width=4),
            Cell(10, 7, 9, 5, y=16, x=14, width=4),
            Cell(11, 7, 9, 5, y=16, x=20, width=4),
            Cell(7, 2, 3, y=16, x=34, width=9),
            Cell(9, 5, 5, 7, y=16, x=34, width=9),
        ],
    )


RIGHT: tuple[Draw, ...] = (
    no_cells,
    one_detection,
    one_frame,
    one_track,
    division,
    division_into_three,
    division_into_four,
    one_daughter_seen,
    gap,
    empty_frames,
    generations,
)


# Nothing to change.
def identical() -> Pair:
    return Pair(generations(), generations())


# reference 1-1-1    computed 1 . 2
def missed_detection() -> Pair:
    return Pair(drawn(3, [Cell(1, 0, 2)]), drawn(3, [Cell(1, 0, 0), Cell(2, 2, 2)]), {"FN": 1, "EA": 2})


# reference 1-1-1    computed 1-1-1
#           . . .             . 2-2
def invented_track() -> Pair:
    cell = Cell(1, 0, 2, x=4)
    return Pair(drawn(3, [cell]), drawn(3, [cell, Cell(2, 1, 2, x=30)]), {"FP": 2})


# reference 1-1-1-1    computed 1-1-2-2
#           2-2-2-2             2-2-1-1
def swapped_tracks() -> Pair:
    left, right = Cell(1, 0, 3, x=4), Cell(2, 0, 3, x=30)
    swapped = {(t, 1): right.box for t in (2, 3)} | {(t, 2): left.box for t in (2, 3)}
    return Pair(drawn(4, [left, right]), drawn(4, [left, right], boxes=swapped), {"ED": 2, "EA": 2})


#                 2-2               2-2
# reference 1-1 <      computed 1-1
#                 3-3               3-3
def missed_division() -> Pair:
    cells = [Cell(1, 0, 1), Cell(2, 2, 3, 1, x=12), Cell(3, 2, 3, 1, x=26)]
    return Pair(drawn(4, cells), drawn(4, [replace(c, parent=0) for c in cells]), {"EA": 2})


#                                     3-3
# reference 1-1-1-1    computed 1-1 <
#           . . 2-2                   2-2
def invented_division() -> Pair:
    reference = [Cell(1, 0, 3, x=12), Cell(2, 2, 3, x=26)]
    computed = [Cell(1, 0, 1, x=12), Cell(3, 2, 3, 1, x=12), Cell(2, 2, 3, 1, x=26)]
    return Pair(drawn(4, reference), drawn(4, computed), {"ED": 1, "EC": 1})


# reference 1-1-1    computed . . .
def nothing_found() -> Pair:
    return Pair(drawn(3, [Cell(1, 0, 2)]), no_cells(), {"FN": 3, "EA": 2})


# Case A: one computed cell (the bar) covers three.
#
# reference 1-1-1    computed 1-1-1
#           2-2-2             2 | 4
#           3-3-3             3 | 5
def merged_cells() -> Pair:
    reference = [Cell(1, 0, 2, x=5), Cell(2, 0, 2, x=15), Cell(3, 0, 2, x=25)]
    computed = [
        Cell(1, 0, 2, x=5),
        Cell(2, 0, 0, x=15),
        Cell(3, 0, 0, x=25),
        Cell(4, 2, 2, x=15),
        Cell(5, 2, 2, x=25),
    ]
    return Pair(drawn(3, reference), drawn(3, computed, boxes={(1, 1): (10, 5, 6, 26)}), {"NS": 2, "EA": 6})


# Case B: cut, with a parent link.
#
# reference 1-1-1-1-1    computed 1-1-1 \ 2-2
def cut_track() -> Pair:
    return Pair(drawn(5, [Cell(1, 0, 4)]), drawn(5, [Cell(1, 0, 2), Cell(2, 3, 4, parent=1)]), {"EC": 1})


# Case C: the same on both sides, across a missed frame.
#
# 1-1 ~ 2-2
# 3-3-3-3-3
def identical_gap() -> Pair:
    return Pair(gap(), gap())


# Case C2.
#
# reference 1-1 ~ 2-2    computed 1-1 . 2-2
#           3-3-3-3-3             3-3-3-3-3
def missed_gap() -> Pair:
    cells = [replace(c, parent=0) for c in gap().cells]
    return Pair(gap(), drawn(5, cells), {"EA": 1})


def _division_of_nine() -> list[Cell]:
    return [Cell(1, 0, 2, width=8), Cell(2, 3, 5, 1, x=12), Cell(3, 3, 5, 1, x=26)]


# Case D: one daughter goes on as the mother, the other is new.
#
#                   2-2-2
# reference 1-1-1 <          computed 1-1-1-1-1-1
#                   3-3-3             . . . 3-3-3
def continued_mother() -> Pair:
    computed = [Cell(1, 0, 5, width=8), Cell(3, 3, 5, x=26)]
    continued = {(t, 1): Cell(2, 3, 5, x=12).box for t in (3, 4, 5)}
    return Pair(drawn(6, _division_of_nine()), drawn(6, computed, boxes=continued), {"EA": 1, "EC": 1})


# Case E: the computed cell covers exactly half of the reference, which is no match.
#
# reference 1-1    computed 1-1, three pixels to the right
def half_covered() -> Pair:
    return Pair(drawn(2, [Cell(1, 0, 1)]), drawn(2, [Cell(1, 0, 1, x=23)]), {"FN": 2, "FP": 2, "EA": 1})


# Case F: one computed cell still covers both daughters in their first frame.
#
#                   2-2-2                       2-2
# reference 1-1-1 <          computed 1-1-1-1 <
#                   3-3-3                       3-3
def late_division() -> Pair:
    computed = [Cell(1, 0, 3, width=8), Cell(2, 4, 5, 1, x=12), Cell(3, 4, 5, 1, x=26)]
    return Pair(
        drawn(6, _division_of_nine()),
        drawn(6, computed, boxes={(3, 1): (10, 12, 6, 20)}),
        {"NS": 1, "EA": 4},
    )


PAIRS: tuple[Callable[[], Pair], ...] = (
    identical,
    missed_detection,
    invented_track,
    swapped_tracks,
    missed_division,
    invented_division,
    nothing_found,
    merged_cells,
    cut_track,
    identical_gap,
    missed_gap,
    continued_mother,
    half_covered,
    late_division,
)


# 1→2 where 2 stands in an earlier frame
def backward_link() -> Drawing:
    return _relinked(drawn(3, [Cell(2, 0, 0, x=4), Cell(1, 2, 2)]), [(1, 0, LinkKind.DIVISION)])


# 1→2 in one frame
def link_within_frame() -> Drawing:
    return _relinked(one_frame(), [(0, 1, LinkKind.DIVISION)])


# 1-1 \
#      3-3
# 2-2 /
def two_parents() -> Drawing:
    drawing = drawn(4, [Cell(1, 0, 1, x=4), Cell(2, 0, 1, x=30), Cell(3, 2, 3)])
    return _relinked(drawing, [(2, 4, LinkKind.DIVISION), (3, 4, LinkKind.DIVISION)])


# 1 . 2, linked as if no frame were missed
def next_over_missed_frame() -> Drawing:
    return _relinked(drawn(3, [Cell(1, 0, 0), Cell(2, 2, 2)]), [(0, 1, LinkKind.NEXT)])


# 1~1
def gap_without_missed_frame() -> Drawing:
    return _relinked(drawn(2, [Cell(1, 0, 1)]), [(0, 1, LinkKind.GAP)])


#   1
# 1 <   both as the same cell
#   2
def continued_twice() -> Drawing:
    drawing = drawn(2, [Cell(1, 0, 1), Cell(2, 1, 1, x=30)])
    return _relinked(drawing, [(0, 1, LinkKind.NEXT), (0, 2, LinkKind.NEXT)])


# 1-1-1
#  \ 2-2   begins before its parent ends
def daughter_of_continued_mother() -> Drawing:
    drawing = drawn(3, [Cell(1, 0, 2), Cell(2, 1, 2, x=30)])
    links = [(0, 1, LinkKind.NEXT), (0, 2, LinkKind.DIVISION), (1, 3, LinkKind.NEXT), (2, 4, LinkKind.NEXT)]
    return _relinked(drawing, links)


# 1-1, a link of kind 7
def unknown_kind() -> Drawing:
    drawing = drawn(2, [Cell(1, 0, 1)])
    return replace(drawing, graph=replace(drawing.graph, kind=np.array([7], np.uint8)))


# 1→ row 9 of 2
def link_to_nowhere() -> Drawing:
    drawing = drawn(2, [Cell(1, 0, 1)])
    return replace(drawing, graph=replace(drawing.graph, links=np.array([[0, 9]], np.int64)))


# 1-1-1, but the last label image is empty
def detection_without_mask() -> Drawing:
    drawing = drawn(3, [Cell(1, 0, 2)])
    labels = drawing.labels.copy()
    labels[2] = 0
    return replace(drawing, labels=labels)


# 1-1-1, and a mask 4 in frame 1 that no detection knows
def mask_without_detection() -> Drawing:
    drawing = drawn(3, [Cell(1, 0, 2)])
    labels = drawing.labels.copy()
    labels[1, :2, :3] = 4
    return replace(drawing, labels=labels)


def _relinked(drawing: Drawing, links: Sequence[tuple[int, int, LinkKind]]) -> Drawing:
    return replace(drawing, graph=_linked(drawing.graph.detections, links))


INVALID: tuple[Draw, ...] = (
    backward_link,
    link_within_frame,
    two_parents,
    next_over_missed_frame,
    gap_without_missed_frame,
    continued_twice,
    daughter_of_continued_mother,
    unknown_kind,
    link_to_nowhere,
    detection_without_mask,
    mask_without_detection,
)
