from pathlib import Path

import numpy as np
import pytest
import tifffile

from ingest.errors import InputError
from ingest.formats.ctc_segmentation import read_segmentation


def write(folder: Path, name: str, label: int) -> None:
    (folder / "SEG").mkdir(exist_ok=True)
    image = np.zeros((5, 7), np.uint16)
    image[1:3, 2:6] = label
    tifffile.imwrite(folder / "SEG" / name, image)


def test_outlines_know_their_frames(tmp_path: Path) -> None:
    write(tmp_path, "man_seg012.tif", 9)
    write(tmp_path, "man_seg003.tif", 4)
    found = read_segmentation(tmp_path, first=1)
    assert found is not None
    assert found.frames == (2, 11)
    assert found.labels.shape == (2, 5, 7)
    assert [int(found.labels.frame(i).max()) for i in range(2)] == [4, 9]


def test_without_outlines_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert read_segmentation(tmp_path) is None


def test_the_outline_of_a_plane_of_a_volume_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "man_seg_003_012.tif", 4)
    with pytest.raises(InputError, match="man_seg_003_012"):
        read_segmentation(tmp_path)
