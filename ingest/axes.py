"""Which axis is time and which is channel: settled by the file or by the user, never by a guess."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingest.errors import InputError

KNOWN = "TCZYX"
MEANING = {"T": "time", "C": "channel", "Z": "depth", "Y": "row", "X": "column"}


@dataclass(frozen=True)
class PlaneOrder:
    """How the (Y, X) planes of an array or file follow each other.

    Attributes:
        axes: the axes before Y and X, the slowest first: "", "T", "C", "TC" or "CT".
        sizes: the length of each of them.
    """

    axes: str
    sizes: tuple[int, ...]

    def size(self, axis: str) -> int:
        """Length of an axis, 1 where it is absent."""
        return self.sizes[self.axes.index(axis)] if axis in self.axes else 1

    @property
    def planes(self) -> int:
        """How many planes there are."""
        return int(np.prod(self.sizes))

    def plane(self, t: int, c: int) -> int:
        """Index of the plane of frame `t` and channel `c`."""
        place = {"T": t, "C": c}
        return int(np.ravel_multi_index([place[axis] for axis in self.axes], self.sizes)) if self.axes else 0

    def frame(self, plane: int) -> int:
        """Frame of a plane: the reverse of `plane`."""
        index = np.unravel_index(plane, self.sizes) if self.axes else ()
        return int(index[self.axes.index("T")]) if "T" in self.axes else 0


def settle(
    found: str, shape: Sequence[int], *, given: str | None = None, unclear: str | None = None, place: str
) -> PlaneOrder:
    """The order of planes of data of this shape.

    Args:
        found: a letter an axis as the data itself says; letters outside TCZYX are unclear ones.
        shape: length of each axis.
        given: the user's word, which wins over `found`; axes of length 1 may be left out of it.
        unclear: the axes to assume, instead of asking, where `found` has an unclear one and the number fits.
        place: the file, for errors.

    Raises:
        InputError: unclear axes (naming `axes=`), RGB, depth, or `given` that does not fit `shape`.
    """
    kept = [(axis, size) for axis, size in zip(found, shape, strict=True) if size > 1 or axis in "YX"]
    if "S" in (axis for axis, _ in kept):
        raise InputError(
            f"colour images of shape {tuple(shape)}",
            place=place,
            remedy="save each colour as a channel of its own, or turn the images to grey",
        )
    sizes = [size for _, size in kept]
    if given is not None:
        axes, sizes = _given(given, sizes, list(shape), place)
    else:
        axes = "".join(axis for axis, _ in kept)
        if unclear is not None and len(unclear) == len(axes) and set(axes) - set(KNOWN):
            axes = unclear
        _refuse_unclear(axes, sizes, place)
    return _planes(axes, sizes, place)


def _given(given: str, squeezed: list[int], shape: list[int], place: str) -> tuple[str, list[int]]:
    """The user's axes and their lengths, whether they name the axes of length 1 or not."""
    axes = given.upper()
    if set(axes) - set(KNOWN) or len(set(axes)) < len(axes) or not axes.endswith("YX"):
        raise InputError(
            f"axes {given!r}",
            place=place,
            remedy="use each of the letters T, C, Z at most once, then YX: --axes TYX, --axes TCYX",
        )
    one_plane = [1] * (len(axes) - 2) + squeezed if len(squeezed) == 2 else squeezed
    for sizes in (shape, squeezed, one_plane):
        if len(sizes) == len(axes):
            return axes, sizes
    raise InputError(
        f"axes {given!r} name {len(axes)} axes, but the shape is {tuple(shape)}",
        place=place,
        remedy="name one letter for each axis",
    )


def _refuse_unclear(axes: str, sizes: Sequence[int], place: str) -> None:
    """Ask for `axes=` unless every axis is known, and time among them where there is more than one plane."""
    unknown = [size for axis, size in zip(axes, sizes, strict=True) if axis not in KNOWN]
    if unknown:
        raise InputError(
            f"the file does not say what its axis of length {unknown[0]} is (time, channel or depth?)",
            place=place,
            remedy=f"say so: axes={_suggest(axes)!r} in Python, --axes {_suggest(axes)} on the command line",
        )
    if "T" not in axes and "C" in axes:
        count = sizes[axes.index("C")]
        raise InputError(
            f"the file holds {count} channels and no time axis",
            place=place,
            remedy="if they are time points, say --axes TYX; if it is one frame, --axes CYX (Python: axes=…)",
        )


def _suggest(axes: str) -> str:
    free = [axis for axis in "TC" if axis not in axes]
    return "".join(axis if axis in KNOWN else free.pop(0) if free else "Z" for axis in axes)


def _planes(axes: str, sizes: Sequence[int], place: str) -> PlaneOrder:
    """Refuse depth and anything but rows and columns at the end; drop the rest of the axes of length 1."""
    order = dict(zip(axes, sizes, strict=True))
    if order.pop("Z", 1) > 1:
        raise InputError(
            f"a 3-D movie ({sizes[axes.index('Z')]} planes of depth): depth is not supported yet",
            place=place,
            remedy="project it along Z; or, if those planes are time points, say --axes TYX (Python: axes=…)",
        )
    if not axes.endswith("YX"):
        raise InputError(
            f"axes {axes}: rows and columns must be the last two",
            place=place,
            remedy="save the movie as planes of rows and columns",
        )
    del order["Y"], order["X"]
    return PlaneOrder("".join(order), tuple(order.values()))
