"""The lineage of a .trk file: an entry a cell, which names its frames, its parent and its daughters."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from ingest.errors import InputError, LineageError
from ingest.movie import LARGEST_LABEL
from ingest.tracking_graph import Detections, IntArray, LinkKind, TrackingGraph
from ingest.validate import validate

LABEL = re.compile("[1-9][0-9]{0,9}")


@dataclass(frozen=True)
class Entry:
    """What the lineage says of one cell.

    Attributes:
        frames: that it is in.
        daughters: labels; None where nothing is said.
        parent: label, 0 for none; None where nothing is said.
    """

    frames: frozenset[int]
    daughters: frozenset[int] | None
    parent: int | None


@dataclass(frozen=True)
class Lineage:
    """The lineage of one movie.

    Attributes:
        frames: label → frames that it is said to be in.
        parent: label → label of its parent, for cells that have one.
        place: where it was read, for errors.
    """

    frames: Mapping[int, frozenset[int]]
    parent: Mapping[int, int]
    place: str

    def graph(self, detections: Detections) -> TrackingGraph:
        """The tracking, given every cell of the masks.

        A cell is in the frames in which the masks have it, whatever the lineage says: where it is missed, its
        next detection is linked by a GAP. A parent's last detection is linked to each daughter's first one by
        a DIVISION, though frames may lie between or the daughter be an only one.

        Raises:
            LineageError: a mask without an entry; parent or daughter without a mask; a daughter that begins
                before her mother ends.
        """
        cells = _Cells.of(detections)
        self._check_cells(detections, cells)
        within, divisions = cells.links, self._divisions(detections, cells)
        step = detections.frame[within[:, 1]] - detections.frame[within[:, 0]]
        kinds = np.where(step > 1, LinkKind.GAP, LinkKind.NEXT), np.full(len(divisions), LinkKind.DIVISION)
        links, kind = np.concatenate([within, divisions]), np.concatenate(kinds).astype(np.uint8)
        order = np.argsort(links[:, 1])
        graph = TrackingGraph(detections, links[order], kind[order])
        validate(graph)
        return graph

    def differences(self, detections: Detections) -> str:
        """Where the masks say otherwise than the frames of the entries, in a sentence; "" if nowhere."""
        cells: dict[int, set[int]] = {label: set() for label in self.frames}
        for label, frame in zip(detections.label.tolist(), detections.frame.tolist(), strict=True):
            cells.setdefault(label, set()).add(frame)
        wrong = [label for label, frames in cells.items() if frames != self.frames.get(label, frozenset())]
        if not wrong:
            return ""
        label = min(wrong)
        said, seen = self.frames.get(label, frozenset()), cells[label]
        where = [
            f"{what} in frame {min(frames)}{f' and {len(frames) - 1:,} more' if len(frames) > 1 else ''}"
            for what, frames in (("seen", seen - said), ("not seen", said - seen))
            if frames
        ]
        others = f"; other labels that differ: {len(wrong) - 1:,}" if len(wrong) > 1 else ""
        return (
            f"{self.place}: the masks count, where the lineage names other frames: "
            f"label {label} is {', '.join(where)}{others}"
        )

    def _check_cells(self, detections: Detections, cells: "_Cells") -> None:
        """Refuse cells of the masks that the lineage lacks, and relatives that the masks lack."""
        for label, row in zip(cells.label.tolist(), cells.first.tolist(), strict=True):
            if label not in self.frames:
                raise LineageError(
                    f"label {label} is in the masks, but not in the lineage",
                    place=f"{self.place}, frame {detections.frame[row]}",
                    remedy=f"add an entry {label} to the lineage, or remove the cell from the masks",
                )
        for label in sorted({*self.parent, *self.parent.values()} - set(cells.label.tolist())):
            raise LineageError(
                f"label {label} is in no mask, but is parent or daughter in the lineage",
                place=self.place,
                remedy="add the cell to the masks, or take it out of the lineage",
            )

    def _divisions(self, detections: Detections, cells: "_Cells") -> IntArray:
        """(links, 2) rows of each parent's last and each daughter's first detection."""
        pairs = np.array(sorted(self.parent.items()), np.int64).reshape(-1, 2)  # (links, 2) daughter, mother
        daughter, mother = np.searchsorted(cells.label, pairs.T)
        later, earlier = cells.first[daughter], cells.last[mother]
        begin, end = detections.frame[later], detections.frame[earlier]
        for row in np.flatnonzero(begin <= end):
            raise LineageError(
                f"label {pairs[row, 0]} begins in frame {begin[row]}, "
                f"but its parent {pairs[row, 1]} is there until frame {end[row]}",
                place=self.place,
                remedy="end the parent before its daughter begins, or take the parent out of the lineage",
            )
        return np.stack([earlier, later], axis=1)


@dataclass(frozen=True, eq=False)
class _Cells:
    """The detections by cell.

    Attributes:
        label: (cells,) ascending.
        first, last: (cells,) rows of their first and last detections.
        links: (links, 2) rows of each detection of a cell and of its next one.
    """

    label: IntArray
    first: IntArray
    last: IntArray
    links: IntArray

    @classmethod
    def of(cls, detections: Detections) -> "_Cells":
        rows = np.lexsort((detections.frame, detections.label))  # by cell, then by frame
        label = detections.label[rows]
        begins = np.diff(label, prepend=0) > 0
        first, last = rows[begins], rows[np.roll(begins, -1)]
        following = np.flatnonzero(~begins)
        return cls(label[begins], first, last, np.stack([rows[following - 1], rows[following]], axis=1))


def read_lineage(document: object, place: str) -> Lineage:
    """The lineage that a JSON document states.

    Of an entry `label`, `frames`, `parent` and `daughters` are read. `capped` and `frame_div`, the earliest
    frame of a daughter, follow from the masks and the daughters, but for a death that was seen.

    Args:
        document: label → entry.
        place: where it was read, for errors.

    Raises:
        InputError: entries that are no such thing.
        LineageError: entries that contradict themselves or each other.
    """
    if not isinstance(document, dict):
        raise _malformed(place, f"{_shown(document)} for a lineage", "write an object: label → entry")
    entries = {_label(key, place): _entry(key, entry, place) for key, entry in document.items()}
    parent: dict[int, int] = {}
    for label, entry in entries.items():
        if entry.parent:
            _check_parent(entries, label, entry.parent, place)
            parent[label] = entry.parent
    for label, entry in entries.items():
        for daughter in sorted(entry.daughters or ()):
            _check_daughter(entries, label, daughter, place)
            if parent.setdefault(daughter, label) != label:
                _contradiction(place, label, daughter, f"label {parent[daughter]} has it as a daughter too")
    return Lineage({label: entry.frames for label, entry in entries.items()}, parent, place)


def _check_parent(entries: Mapping[int, Entry], label: int, parent: int, place: str) -> None:
    if parent not in entries:
        raise LineageError(
            f"label {label} has the parent {parent}, which is no cell of the lineage",
            place=place,
            remedy="add the parent's entry, or write null for no parent",
        )
    daughters = entries[parent].daughters
    if daughters is not None and label not in daughters:
        _contradiction(place, parent, label, f"the daughters of {parent} are {sorted(daughters)}")


def _check_daughter(entries: Mapping[int, Entry], label: int, daughter: int, place: str) -> None:
    if daughter not in entries:
        raise LineageError(
            f"label {label} has the daughter {daughter}, which is no cell of the lineage",
            place=place,
            remedy="add the daughter's entry, or take it out of the daughters",
        )
    parent = entries[daughter].parent
    if parent is not None and parent != label:
        _contradiction(place, label, daughter, f"its parent is {parent or 'null'}")


def _contradiction(place: str, mother: int, daughter: int, otherwise: str) -> NoReturn:
    raise LineageError(
        f"label {daughter} is a daughter of {mother} by one entry, but {otherwise} by another",
        place=place,
        remedy="let `parent` of the daughter and `daughters` of the mother say the same",
    )


def _entry(key: str, entry: object, place: str) -> Entry:
    place = f"{place}, label {key}"
    if not isinstance(entry, dict):
        raise _malformed(place, f"{_shown(entry)} for an entry", "write an object with `frames`")
    if entry.get("label", int(key)) != int(key):
        raise LineageError(
            f"an entry that says it is of label {_shown(entry['label'])}",
            place=place,
            remedy="let `label` and the key agree",
        )
    daughters = entry.get("daughters")
    return Entry(
        frames=frozenset(_numbers(entry.get("frames", []), "frames", place)),
        daughters=None if daughters is None else frozenset(_numbers(daughters, "daughters", place)),
        parent=_parent(entry["parent"], place) if "parent" in entry else None,
    )


def _parent(value: object, place: str) -> int:
    return 0 if value is None else _number(value, "parent", place)


def _label(key: str, place: str) -> int:
    if LABEL.fullmatch(key) and int(key) <= LARGEST_LABEL:
        return int(key)
    raise _malformed(place, f"an entry {_shown(key)}", f"use labels from 1 to {LARGEST_LABEL} as keys")


def _numbers(values: object, name: str, place: str) -> Sequence[int]:
    if not isinstance(values, list):
        raise _malformed(place, f"{_shown(values)} for {name}", "write a list of whole numbers")
    return [_number(value, name, place) for value in values]


def _number(value: object, name: str, place: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_LABEL:
        return value
    raise _malformed(place, f"{_shown(value)} in {name}", f"write whole numbers from 0 to {LARGEST_LABEL}")


def _shown(value: object) -> str:
    """A value of any size, briefly."""
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value):,}"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _malformed(place: str, problem: str, remedy: str) -> InputError:
    return InputError(problem, place=place, remedy=remedy)
