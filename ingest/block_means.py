"""Images made smaller: means over squares of pixels."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Float = TypeVar("Float", bound=np.floating)


def block_means(image: npt.NDArray[np.generic], block: int, dtype: type[Float]) -> npt.NDArray[Float]:
    """Means over squares of `block` pixels; the last row and column are repeated to fill theirs.

    Args:
        image: (Y, X) numbers of any type.
        block: side of a square, pixels.
        dtype: that is summed in.

    Returns:
        (⌈Y / block⌉, ⌈X / block⌉).
    """
    means = _sums(_sums(image, block, dtype).T, block, dtype).T
    means /= block * block
    return means


def _sums(pixels: npt.NDArray[np.generic], block: int, dtype: type[Float]) -> npt.NDArray[Float]:
    """Sums over each `block` rows; the last row is repeated to fill the last block."""
    sums = pixels[::block].astype(dtype)
    for offset in range(1, block):
        rows = pixels[offset::block].astype(dtype, copy=False)
        sums[: len(rows)] += rows
        if len(rows) < len(sums):
            sums[-1] += pixels[-1].astype(dtype, copy=False)
    return sums
