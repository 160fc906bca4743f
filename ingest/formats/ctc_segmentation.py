"""The Cell Tracking Challenge's exact outlines: label images of some frames, `SEG/man_segNNN.tif`."""

import re
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import InputError
from ingest.formats.tiff import frames_of_files
from ingest.movie import LabelImages


@dataclass(frozen=True)
class CtcSegmentation:
    """Label images (K, Y, X) of K frames; their labels need not be those of any track.

    Attributes:
        labels: the label images.
        frames: the movie's frame of each, ascending.
    """

    labels: LabelImages
    frames: tuple[int, ...]


def read_segmentation(folder: str | Path, first: int = 0) -> CtcSegmentation | None:
    """Read the outlines of a ground truth folder such as `01_GT`, None where it has none.

    Args:
        folder: holds `SEG/man_segNNN.tif`.
        first: number of the movie's first frame.

    Raises:
        InputError: a file cannot be read, or is of a single plane of a volume.
    """
    numbered: dict[int, Path] = {}
    for file in sorted(Path(folder).glob("SEG/man_seg*.tif")):
        match = re.fullmatch(r"man_seg([0-9]+)", file.stem)
        if match is None:
            raise InputError(
                f"{file.name} is no outline of a whole frame",
                place=str(file.parent),
                remedy="name outlines man_segNNN.tif; those of a volume's planes are not supported",
            )
        numbered[int(match[1]) - first] = file
    if not numbered:
        return None
    frames = tuple(sorted(numbered))
    images = frames_of_files([numbered[frame] for frame in frames], labels=True)
    k, _, y, x = images.shape
    return CtcSegmentation(LabelImages((k, y, x), lambda i: images.read(i)[0], f"{folder}/SEG"), frames)
