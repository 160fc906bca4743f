"""The frames of a folder in their order, and whether their numbering has holes."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from ingest.errors import InputError

SUFFIXES = (".tif", ".tiff")


def tiff_files(folder: Path) -> list[Path]:
    """The visible TIFF files of a folder in natural order (t2 before t10).

    Raises:
        InputError: the folder is missing or holds none; names the folders within it that may be meant.
    """
    if not folder.is_dir():
        raise InputError("no such file or folder", place=str(folder), remedy="check the path")
    files = [f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith(".")]
    if not files:
        inner = sorted(f.name for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))
        remedy = f"name one of its folders: {', '.join(inner)}" if inner else "name the folder of the frames"
        raise InputError("no TIFF files (.tif, .tiff) in this folder", place=str(folder), remedy=remedy)
    return sorted(files, key=lambda file: _split(file))


def check_numbering(files: Sequence[Path]) -> None:
    """Refuse file names that do not count the frames of one movie up in even steps.

    Names that differ in more than one number (time and channel, or position) or in their text are unclear.

    Raises:
        InputError: names the missing frame, or the two files that do not belong together.
    """
    names = [_split(file) for file in files]
    column = _counter(files, names)
    numbers = [int(name[column]) for name in names]
    steps = [later - earlier for earlier, later in pairwise(numbers)]
    for index, step in enumerate(steps):
        if step == min(steps) > 0:
            continue
        first, second = files[index].name, files[index + 1].name
        missing = f"{first} and {second} have the same number" if step == 0 else f"{second} follows {first}"
        raise InputError(
            f"frames are missing or doubled: {missing}",
            place=str(files[0].parent),
            remedy="add the missing frames, or renumber the files if nothing is missing",
        )


def _split(file: Path) -> list[str | int]:
    """Text and numbers of a name in turn: t010 → ["t", 10, ""]."""
    parts = re.split(r"([0-9]+)", file.stem)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _counter(files: Sequence[Path], names: Sequence[Sequence[str | int]]) -> int:
    """Which part of the names counts the frames: the only one that differs."""
    for file, name in zip(files, names, strict=True):
        if len(name) != len(names[0]) or name[::2] != names[0][::2]:
            raise _unclear(files[0], file, "are not named alike")
    varying = [c for c in range(1, len(names[0]), 2) if len({name[c] for name in names}) > 1]
    if len(varying) > 1:
        raise _unclear(
            files[0], files[-1], "differ in more than one number (time, channel, depth, position?)"
        )
    return varying[0] if varying else len(names[0]) - 2


def _unclear(one: Path, other: Path, how: str) -> InputError:
    return InputError(
        f"{one.name} and {other.name} {how}",
        place=str(one.parent),
        remedy="keep the frames of one channel of one movie in a folder, "
        "or say --axes TYX (Python: axes='TYX') to take all files as frames in the order of their names",
    )
