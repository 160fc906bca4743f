"""`man_track.txt` and `res_track.txt`: a line a label, `label begin end parent`."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.errors import InputError, LineageError
from ingest.movie import LARGEST_LABEL
from ingest.tracking_graph import IntArray

LINE = re.compile(r"\s*(-?[0-9]{1,18})\s+(-?[0-9]{1,18})\s+(-?[0-9]{1,18})\s+(-?[0-9]{1,18})\s*")


@dataclass(frozen=True, eq=False)
class TrackTable:
    """The lines, sorted by label.

    Attributes:
        path: the file, for errors.
        label: (L,) > 0, each once.
        begin, end: (L,) frames, both inclusive, as the masks' files are numbered.
        parent: (L,) another label, 0 for none; it ends before the child begins.
    """

    path: Path
    label: IntArray
    begin: IntArray
    end: IntArray
    parent: IntArray

    def __len__(self) -> int:
        return len(self.label)

    def row(self, label: IntArray) -> IntArray:
        """Row of each label, −1 where there is none."""
        if not len(self):
            return np.full(label.shape, -1, np.int64)
        row = np.minimum(np.searchsorted(self.label, label), len(self) - 1)
        return np.where(self.label[row] == label, row, -1)


def read_table(path: Path) -> TrackTable:
    """Read a file of tracks; blank lines and any line ends are allowed, no lines at all too.

    Raises:
        InputError: a line that is not four whole numbers.
        LineageError: lines that contradict themselves or each other.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"cannot be read as text ({error})", place=str(path), remedy="write lines of four numbers"
        ) from error
    rows = [_row(line, f"{path}, line {n}") for n, line in enumerate(lines, 1) if line.strip()]
    columns = np.array(sorted(rows), np.int64).reshape(-1, 4)
    table = TrackTable(path, *columns.T)
    _check_alone(table)
    _check_parents(table)
    return table


def _row(line: str, place: str) -> tuple[int, ...]:
    match = LINE.fullmatch(line)
    if match is None:
        raise InputError(
            f"{line.strip()!r} where four whole numbers are expected",
            place=place,
            remedy="write `label begin end parent`, parent 0 for none",
        )
    return tuple(map(int, match.groups()))


def _check_alone(table: TrackTable) -> None:
    """Refuse what is wrong about one line, and labels that have two."""
    lines = zip(table.label, table.begin, table.end, table.parent, strict=True)
    before = 0
    for label, begin, end, parent in lines:
        line = f"{label} {begin} {end} {parent}"
        if not 1 <= label <= LARGEST_LABEL:
            raise _invalid(table, f"{line!r}: label {label}", f"use labels from 1 to {LARGEST_LABEL}")
        if begin < 0 or parent < 0:
            raise _invalid(
                table, f"{line!r}: a negative number", "count frames from 0, write parent 0 for none"
            )
        if begin > end:
            raise _invalid(table, f"{line!r}: label {label} ends before it begins", "write begin before end")
        if label == before:
            raise _invalid(table, f"label {label} has two lines", "give one of them a label of its own")
        before = label


def _check_parents(table: TrackTable) -> None:
    child = np.flatnonzero(table.parent)
    parent = table.row(table.parent[child])
    for row in child[parent < 0]:
        raise _invalid(
            table,
            f"label {table.label[row]} has the parent {table.parent[row]}, which has no line",
            "add the parent's line, or write 0 for none",
        )
    late = table.end[parent] >= table.begin[child]
    for row, mother in zip(child[late], parent[late], strict=True):
        raise _invalid(
            table,
            f"label {table.label[row]} begins at frame {table.begin[row]}, "
            f"but its parent {table.label[mother]} ends at frame {table.end[mother]}",
            "end the parent before its child begins",
        )


def _invalid(table: TrackTable, problem: str, remedy: str) -> LineageError:
    return LineageError(problem, place=str(table.path), remedy=remedy)
