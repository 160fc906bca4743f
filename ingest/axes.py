"""Which axis is time and which is channel: settled by the file or by the user, never by a guess."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingest.errors import InputError

KNOWN = "TCZYX"


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
    found: str,
    shape: Sequence[int],
    *,
    given: str | None = None,
    unclear: str | None = None,
    outer: str = "",
    place: str,
) -> PlaneOrder:
    """The order of planes of data of this shape.

    Args:
        found: a letter an axis as the data itself says; letters outside TCZYX are unclear ones.
        shape: length of each axis.
        given: the user's word, which wins over `found`; axes of length 1 may be left out of it.
        unclear: the axes to assume, instead of asking, where `found` has an unclear one and the number fits.
        outer: axes that several such data make up, "T" for a file a frame; `given` begins with them.
        place: the file, for errors.

    Raises:
        InputError: unclear axes (naming `axes=`), RGB, depth, or `given` that does not fit `shape`.
    """
    kept = [(axis, size) for axis, size in zip(found, shape, strict=True) if size > 1 or axis in "YX"]
    axes, sizes = "".join(axis for axis, _ in kept), [size for _, size in kept]
    if "S" in axes:
        raise InputError(
            f"colour images of shape {tuple(shape)}",
            place=place,
            remedy="save each colour as a channel of its own, or turn the images to grey",
        )
    if given is not None:
        axes, sizes = _given(given, outer, [list(shape), sizes], place)
    elif unclear is not None and len(unclear) == len(axes) and set(axes) - set(KNOWN):
        axes = unclear
    unknown = [size for axis, size in zip(axes, sizes, strict=True) if axis not in KNOWN]
    if unknown:
        raise _question(outer + axes, unknown[0], place)
    return _planes(axes, sizes, place)


def _given(given: str, outer: str, shapes: Sequence[list[int]], place: str) -> tuple[str, list[int]]:
    """The user's axes and their lengths, whether they name the axes of length 1 (the first shape) or not."""
    letters = given.upper()
    axes = letters.removeprefix(outer)
    each_once = len(set(letters)) == len(letters) and set(letters) <= set(KNOWN)
    if not (each_once and letters.startswith(outer) and axes.endswith("YX")):
        begin = f"begin with {outer} for the files, " if outer else ""
        raise InputError(
            f"axes {given!r}",
            place=place,
            remedy=f"{begin}use each of the letters T, C, Z at most once, then YX: TYX, TCYX",
        )
    whole, squeezed = shapes
    one_plane = [1] * (len(axes) - 2) + squeezed if len(squeezed) == 2 else squeezed
    for sizes in (whole, squeezed, one_plane):
        if len(sizes) == len(axes):
            return axes, sizes
    raise InputError(
        f"axes {given!r} for data of shape {tuple(whole)}",
        place=place,
        remedy="name one letter for each axis",
    )


def _question(axes: str, size: int, place: str) -> InputError:
    """Ask what an axis is, with the likeliest answer."""
    free = [axis for axis in "TCZ" if axis not in axes]
    answer = "".join(axis if axis in KNOWN or not free else free.pop(0) for axis in axes)
    return InputError(
        f"the file does not say what its axis of length {size} is (time, channel or depth?)",
        place=place,
        remedy=f"say so, for example --axes {answer} (Python: axes={answer!r})",
    )


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
