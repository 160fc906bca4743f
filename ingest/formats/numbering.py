"""The frames of a folder in their order, and whether their numbering has holes."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
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
    files = files_of(folder, SUFFIXES)
    if not files:
        raise InputError(
            "no TIFF files (.tif, .tiff) in this folder", place=str(folder), remedy=_meant(folder)
        )
    return files


def files_of(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The visible files of a folder that end so, in natural order (t2 before t10)."""
    files = (f for f in folder.iterdir() if f.suffix.lower() in suffixes and not f.name.startswith("."))
    return sorted(files, key=_split)


def _meant(folder: Path) -> str:
    """What to do about a folder without frames, by what else is in it."""
    visible = [f for f in folder.iterdir() if not f.name.startswith(".")]
    if inner := sorted(f.name for f in visible if f.is_dir()):
        return f"name one of its folders: {', '.join(inner)}"
    if files := Counter(f.suffix for f in visible):
        ((suffix, count),) = files.most_common(1)
        return f"save the frames as TIFF: it holds {count} {suffix or 'other'} files"
    return "name the folder of the frames"


def frame_numbers(files: Sequence[Path]) -> list[int]:
    """The numbers in the names of a movie's frames, which count up in even steps.

    Raises:
        InputError: a frame is missing or doubled; or names differ in more than one number (time and channel,
            or position) or in their text.
    """
    names = [_split(file) for file in files]
    column = _counter(files, names)
    numbers = [int(name[column]) for name in names]
    steps = [later - earlier for earlier, later in pairwise(numbers)]
    even = min((step for step in steps if step > 0), default=1)
    for index, step in enumerate(steps):
        if step == even:
            continue
        first, second = files[index].name, files[index + 1].name
        odd = f"{first} and {second} have the same number" if step == 0 else f"{second} follows {first}"
        raise InputError(
            f"frames are missing or doubled: {odd}",
            place=str(files[0].parent),
            remedy="add the missing frames, or renumber the files if nothing is missing",
        )
    return numbers


def _split(file: Path) -> list[str | int]:
    """Text and numbers of a name in turn: t010 → ["t", 10, ""]."""
    parts = re.split(r"([0-9]+)", file.stem)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _counter(files: Sequence[Path], names: Sequence[Sequence[str | int]]) -> int:
    """Which part of the names counts the frames: the only one that differs."""
    for file, name in zip(files, names, strict=True):
        if len(name) != len(names[0]) or name[::2] != names[0][::2]:
            raise _unclear(files[0], file, "are not named alike")
    numbered = range(1, len(names[0]), 2)
    varying = [column for column in numbered if len({name[column] for name in names}) > 1]
    if len(varying) > 1:
        raise _unclear(files[0], files[-1], "differ in more than one number (time, channel, position?)")
    if not numbered:
        raise _unclear(files[0], files[-1], "have no numbers")
    return varying[0] if varying else numbered[-1]


def _unclear(one: Path, other: Path, how: str) -> InputError:
    remedy = (
        "keep the frames of one channel of one movie in a folder, "
        "or say --axes TYX (Python: axes='TYX') to take all files as frames in the order of their names"
    )
    if ("mask" in one.stem) != ("mask" in other.stem):  # as Cellpose leaves them beside the images
        remedy = "move the masks into a folder of their own, and give that as the label images"
    return InputError(f"{one.name} and {other.name} {how}", place=str(one.parent), remedy=remedy)
