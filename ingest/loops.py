"""The loops over pixels of `loops.c`, compiled where a C compiler was at hand when cellkin was installed.

Elsewhere NumPy stands in for them, with the same results (docs/decisions/0016-loops-in-c.md).
"""

from ctypes import CDLL, c_double, c_int64, c_void_p
from functools import cache

import numpy as np
import numpy.typing as npt

from ingest.compile_loops import library_path
from ingest.tracking_graph import FloatArray, IntArray

Image = npt.NDArray[np.float32]
Labels = npt.NDArray[np.integer]
UNSIGNED = ("uint8", "uint16")
"""Types of pixels that are taken as they are."""


@cache
def compiled() -> "Loops | None":
    """The compiled loops, None where there are none for this machine."""
    try:
        return Loops(CDLL(str(library_path())))
    except (OSError, AttributeError):
        return None


class Loops:
    """`loops.c`, called with arrays; Python's other threads go on meanwhile.

    Args:
        library: compiled.
    """

    def __init__(self, library: CDLL) -> None:
        self._library = library
        for bits in (8, 16, 32, 64):
            runs = getattr(library, f"runs_{bits}")  # which is kept; library[name] is new each time
            runs.restype = c_int64

    def runs(self, labels: Labels) -> tuple[IntArray, IntArray]:
        """(R,) first pixel, in the image flattened, and (R,) pixel after the last, of each run of a label."""
        labels, room = _plain(labels), labels.size // 16 + 64
        while True:
            begin, end = np.empty((2, room), np.int64)
            count = getattr(self._library, f"runs_{8 * labels.itemsize}")(
                _at(labels), *_shape(labels), c_int64(room), _at(begin), _at(end)
            )
            if count <= room:
                return begin[:count], end[:count]
            room = count

    def perimeters(
        self, labels: Labels, begin: IntArray, end: IntArray, owner: IntArray, cells: int, weight: FloatArray
    ) -> FloatArray:
        """(n,) sums of `weight` over the border pixels of n cells, by (R,) runs and the cell of each."""
        labels, perimeter = _plain(labels), np.zeros(cells)
        room = np.empty(labels.shape, np.uint8)
        runs = (c_int64(len(begin)), _at(begin), _at(end), _at(owner))
        getattr(self._library, f"perimeters_{8 * labels.itemsize}")(
            _at(labels), *_shape(labels), *runs, _at(weight), _at(room), _at(perimeter)
        )
        return perimeter

    def intensities(
        self,
        image: npt.NDArray[np.generic],
        begin: IntArray,
        end: IntArray,
        owner: IntArray,
        area: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """(n,) mean and (n,) standard deviation of a (Y, X) image in n cells of this area, by (R,) runs."""
        image, (mean, deviation) = _known(image, "float64"), np.zeros((2, len(area)))
        assert not len(end) or end[-1] <= image.size, "the image is smaller than the labels"
        runs = (c_int64(len(begin)), _at(begin), _at(end), _at(owner))
        cells = (c_int64(len(area)), _at(area), _at(mean), _at(deviation))
        getattr(self._library, f"intensities_{image.dtype.name}")(_at(image), *runs, *cells)
        return mean, deviation

    def block_means(self, image: npt.NDArray[np.generic], block: int) -> Image:
        """(⌈Y / block⌉, ⌈X / block⌉) means over squares of pixels, as `ingest.block_means`."""
        image = _known(image, "float32")
        height, width = image.shape
        means = np.empty((-(-height // block), -(-width // block)), np.float32)
        sums = np.empty(width, np.float32)
        getattr(self._library, f"block_means_{image.dtype.name}")(
            _at(image), *_shape(image), c_int64(block), _at(sums), _at(means)
        )
        return means

    def _require_room(self, crops: Image, cells: int) -> None:
        side = c_int64.in_dll(self._library, "crop_side").value
        assert crops.shape == (cells, 2, side, side), "the loops cut crops of another size"

    def crop_images(self, means: Image, block: int, place: FloatArray, step: float, crops: Image) -> None:
        """Write the first plane of (n, 2, 24, 24) crops around (n, 2) places, from the means of blocks."""
        self._require_room(crops, len(place))
        place = np.ascontiguousarray(place, np.float64)
        cells = (c_int64(len(place)), _at(place), c_double(step), _at(crops))
        self._library.crop_images(_at(means), *_shape(means), c_int64(block), *cells)

    def crop_masks(
        self, labels: Labels, label: IntArray, place: FloatArray, step: float, crops: Image
    ) -> None:
        """Write the second plane of (n, 2, 24, 24) crops around (n, 2) places of cells with (n,) labels."""
        self._require_room(crops, len(label))
        labels, label = _plain(labels), np.ascontiguousarray(label, np.int64)
        place = np.ascontiguousarray(place, np.float64)
        cells = (c_int64(len(place)), _at(label), _at(place), c_double(step), _at(crops))
        getattr(self._library, f"crop_masks_{8 * labels.itemsize}")(_at(labels), *_shape(labels), *cells)


def _plain(labels: Labels) -> Labels:
    """As C takes them: rows one after the other, in the machine's own order of bytes."""
    return np.require(labels, labels.dtype.newbyteorder("="), ["C", "A"])


def _known(image: npt.NDArray[np.generic], floating: str) -> npt.NDArray[np.generic]:
    """Of a type that `loops.c` has: as it is, or as these floating point numbers."""
    return np.require(image, image.dtype.name if image.dtype.name in UNSIGNED else floating, ["C", "A"])


def _at(array: npt.NDArray[np.generic]) -> c_void_p:
    assert array.flags.c_contiguous
    return c_void_p(array.ctypes.data)


def _shape(array: npt.NDArray[np.generic]) -> tuple[c_int64, c_int64]:
    height, width = array.shape
    return c_int64(height), c_int64(width)
