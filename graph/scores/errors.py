"""Every error as a thing: what is wrong, in which frame, at which detections and tracks."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from graph.scores.aogm import Operations
from graph.scores.divisions import Divisions
from graph.scores.matching import Matching
from ingest.formats.ctc import track_labels
from ingest.tracking_graph import IntArray, TrackingGraph

NONE = -1


class ErrorKind(IntEnum):
    """What is wrong: one AOGM operation, or one division."""

    NS = 0
    """A computed detection stands for one reference detection too many."""
    FN = 1
    """A reference detection was missed."""
    FP = 2
    """A computed detection stands for nothing."""
    ED = 3
    """A computed link must go."""
    EA = 4
    """A reference link is missing."""
    EC = 5
    """A link is within a track on one side, between tracks on the other."""
    MISSED_DIVISION = 6
    """No computed division is this one."""
    FALSE_DIVISION = 7
    """No reference division is this one."""
    SHIFTED_DIVISION = 8
    """A division was found some frames early or late, within the tolerance."""
    WRONG_DAUGHTERS = 9
    """Both mothers divide, into other daughters; also counted as one missed and one false division."""

    @property
    def title(self) -> str:
        """In words."""
        return TITLES[self]

    def caption(self, frame: int, label: int) -> str:
        """What a person reads of one: `missed division · frame 12 · track 5`."""
        return f"{self.title} · frame {frame} · track {label}"


TITLES = {
    ErrorKind.NS: "merged detections",
    ErrorKind.FN: "missed detection",
    ErrorKind.FP: "false detection",
    ErrorKind.ED: "false link",
    ErrorKind.EA: "missed link",
    ErrorKind.EC: "link of the wrong kind",
    ErrorKind.MISSED_DIVISION: "missed division",
    ErrorKind.FALSE_DIVISION: "false division",
    ErrorKind.SHIFTED_DIVISION: "shifted division",
    ErrorKind.WRONG_DAUGHTERS: "wrong daughters",
}


@dataclass(frozen=True, eq=False)
class Errors:
    """One row an error, sorted by (frame, kind).

    A detection stands in column 0, a link in columns 0 (earlier) and 1 (later), a division by its mother's
    last detection in column 0; −1 stands for none. So each error leads to what is there on either side.

    Attributes:
        kind: (M,) an `ErrorKind` each.
        frame: (M,) frame of the first detection.
        reference, computed: (M, 2) rows of detections.
        reference_track, computed_track: (M,) rows, in `tracks`, of the track of the first detection.
        shift: (M,) frames by which a division is late (early: negative), else 0.
    """

    kind: npt.NDArray[np.uint8]
    frame: IntArray
    reference: IntArray
    computed: IntArray
    reference_track: IntArray
    computed_track: IntArray
    shift: IntArray

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def counts(self) -> dict[ErrorKind, int]:
        """How many there are of each kind."""
        counts = np.bincount(self.kind, minlength=len(ErrorKind)).tolist()
        return dict(zip(ErrorKind, counts, strict=True))


@dataclass(frozen=True, eq=False)
class ListedErrors:
    """Errors for a person to look up.

    Attributes:
        errors: what was found.
        label: (M,) label of each one's track: that of the reference, where there is none the computed one's.
    """

    errors: Errors
    label: IntArray


def with_labels(errors: Errors, reference: TrackingGraph, computed: TrackingGraph) -> ListedErrors:
    """The errors of two trackings with the labels of their tracks."""
    first = _look_up(track_labels(reference), errors.reference_track)
    second = _look_up(track_labels(computed), errors.computed_track)
    return ListedErrors(errors, np.where(first >= 0, first, second))


def no_errors() -> ListedErrors:
    """Of a score whose errors nobody listed."""
    none = np.empty(0, np.int64)
    pairs = np.empty((0, 2), np.int64)
    return ListedErrors(Errors(none.astype(np.uint8), none, pairs, pairs, none, none, none), none)


def list_errors(
    reference: TrackingGraph,
    computed: TrackingGraph,
    matching: Matching,
    operations: Operations,
    divisions: Divisions,
    *,
    tolerance: int,
) -> Errors:
    """List what `operations` and `divisions` found.

    Args:
        reference: what is taken as the truth.
        computed: what is judged.
        matching: of their detections.
        operations: `count_operations` of them.
        divisions: `compare_divisions` of their cells.
        tolerance: frames by which a division may be early or late and still be found.
    """
    rows = np.concatenate(
        [
            *_node_errors(matching, operations),
            *_link_errors(reference, computed, matching, operations),
            *_division_errors(matching, divisions, tolerance),
        ]
    )
    return _sorted(rows, reference, computed)


def _rows(kind: ErrorKind, reference: IntArray, computed: IntArray, shift: IntArray | int = 0) -> IntArray:
    """(M, 6) kind, reference detections, computed detections, shift, from detections (M,) or (M, 2)."""
    sides = [_two(reference), _two(computed)]
    rows = np.full((max(len(side) for side in sides), 6), kind, np.int64)
    rows[:, 1:3], rows[:, 3:5], rows[:, 5] = *sides, shift
    return rows


def _two(detections: IntArray) -> IntArray:
    """(M, 2) detections of an error, with −1 where there is no second one."""
    if detections.ndim == 2:
        return detections
    return np.stack((detections, np.full_like(detections, NONE)), axis=1)


def _node_errors(matching: Matching, operations: Operations) -> Iterator[IntArray]:
    yield _rows(ErrorKind.NS, _one_too_many(matching), operations.split)
    yield _rows(ErrorKind.FN, operations.missed, np.full_like(operations.missed, NONE))
    yield _rows(ErrorKind.FP, np.full_like(operations.false, NONE), operations.false)


def _one_too_many(matching: Matching) -> IntArray:
    """(NS,) reference detections beyond the first of each computed one, in the order of these."""
    rows = np.flatnonzero(matching.of_reference >= 0)
    rows = rows[np.argsort(matching.of_reference[rows], kind="stable")]
    computed = matching.of_reference[rows]
    beyond: IntArray = rows[1:][computed[1:] == computed[:-1]]
    return beyond


def _link_errors(
    reference: TrackingGraph, computed: TrackingGraph, matching: Matching, operations: Operations
) -> Iterator[IntArray]:
    deleted, added = computed.links[operations.deleted], reference.links[operations.added]
    changed = operations.changed
    yield _rows(ErrorKind.ED, matching.one_to_one_of_computed[deleted], deleted)
    yield _rows(ErrorKind.EA, added, matching.of_reference[added])
    yield _rows(ErrorKind.EC, reference.links[changed[:, 0]], computed.links[changed[:, 1]])


def _division_errors(matching: Matching, divisions: Divisions, tolerance: int) -> Iterator[IntArray]:
    truth, judged = divisions.reference.last, divisions.computed.last
    same, other = divisions.same(tolerance), divisions.wrong_daughters(tolerance)
    missed = np.delete(truth, divisions.pairs[same, 0])
    false = np.delete(judged, divisions.pairs[same, 1])
    shifted = same[divisions.shift[same] > 0]
    yield _rows(ErrorKind.MISSED_DIVISION, missed, matching.of_reference[missed])
    yield _rows(ErrorKind.FALSE_DIVISION, matching.one_to_one_of_computed[false], false)
    for kind, pairs in ((ErrorKind.SHIFTED_DIVISION, shifted), (ErrorKind.WRONG_DAUGHTERS, other)):
        mothers = divisions.pairs[pairs]
        yield _rows(kind, truth[mothers[:, 0]], judged[mothers[:, 1]], divisions.delay[pairs])


def _sorted(rows: IntArray, reference: TrackingGraph, computed: TrackingGraph) -> Errors:
    """Columns from (M, 6) rows."""
    kind, first, second = rows[:, 0], rows[:, 1], rows[:, 3]
    here, there = _look_up(reference.detections.frame, first), _look_up(computed.detections.frame, second)
    frame = np.where(first >= 0, here, there)
    order = np.lexsort((kind, frame))
    return Errors(
        kind=kind[order].astype(np.uint8),
        frame=frame[order],
        reference=rows[order, 1:3],
        computed=rows[order, 3:5],
        reference_track=_look_up(reference.tracks.of_detection, first)[order],
        computed_track=_look_up(computed.tracks.of_detection, second)[order],
        shift=rows[order, 5],
    )


def _look_up(column: IntArray, rows: IntArray) -> IntArray:
    """(M,) the column's values, −1 where the row is −1."""
    found: IntArray = np.append(column, NONE)[rows]
    return found
