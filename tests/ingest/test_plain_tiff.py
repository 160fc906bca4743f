"""Plain frames are read as tifffile reads them, and all others are left to it."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.formats.plain_tiff import read_plain
from ingest.movie import open_labels

SHAPE = (23, 31)
LABELS = np.random.default_rng(4).integers(0, 200, SHAPE)
KINDS = [(None, False), ("zlib", False), ("deflate", False), ("zlib", True)]
"""Compression, and whether each pixel is kept as what it adds to the one before."""


def written(path: Path, dtype: str = "uint16", **how: Any) -> Path:
    file = path / "mask000.tif"
    tifffile.imwrite(file, LABELS.astype(dtype), photometric="minisblack", **how)
    return file


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
@pytest.mark.parametrize(("compression", "predictor"), KINDS)
@pytest.mark.parametrize("rows", [5, 23, 400])
def test_plain_files_are_read_whole(
    tmp_path: Path, dtype: str, compression: str | None, predictor: bool, rows: int
) -> None:
    how = {"compression": compression, "predictor": predictor, "rowsperstrip": rows}
    file = written(tmp_path, dtype, metadata=None, **how)
    found = read_plain(file, SHAPE)
    assert found is not None
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, LABELS)


@pytest.mark.parametrize(
    ("dtype", "how"),
    [
        ("int16", {}),
        ("float32", {}),
        ("uint16", {"byteorder": ">"}),
        ("uint16", {"bigtiff": True}),
        ("uint16", {"tile": (16, 16)}),
        ("uint16", {"compression": "lzw"}),
        ("uint16", {"compression": "lzw", "predictor": True}),
    ],
)
def test_others_are_left_to_tifffile(tmp_path: Path, dtype: str, how: dict[str, Any]) -> None:
    assert read_plain(written(tmp_path, dtype, **how), SHAPE) is None
    written(tmp_path, dtype, **how).rename(tmp_path / "mask001.tif")
    written(tmp_path, dtype, **how)
    labels = open_labels(tmp_path)
    np.testing.assert_array_equal(labels.frame(1), LABELS)


@pytest.mark.parametrize("kind", [1, 6, 8, 13])
def test_a_predictor_of_another_type_is_left_to_tifffile(tmp_path: Path, kind: int) -> None:
    file = written(tmp_path, compression="zlib", predictor=True, metadata=None)
    content = file.read_bytes()
    at = content.index(struct.pack("<HH", 317, 3))
    file.write_bytes(content[: at + 2] + struct.pack("<H", kind) + content[at + 4 :])
    assert read_plain(file, SHAPE) is None


def test_another_size_several_planes_and_no_file_are_left_to_tifffile(tmp_path: Path) -> None:
    assert read_plain(written(tmp_path), (31, 23)) is None
    assert read_plain(tmp_path / "nowhere.tif", SHAPE) is None
    tifffile.imwrite(tmp_path / "two.tif", np.zeros((2, *SHAPE), np.uint16), photometric="minisblack")
    assert read_plain(tmp_path / "two.tif", SHAPE) is None


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_truncated_file_is_refused_when_its_frame_is_read(tmp_path: Path, compression: str | None) -> None:
    written(tmp_path, compression=compression).rename(tmp_path / "mask001.tif")
    written(tmp_path, compression=compression)
    labels = open_labels(tmp_path)
    whole = (tmp_path / "mask001.tif").read_bytes()
    (tmp_path / "mask001.tif").write_bytes(whole[:-300])
    with pytest.raises(InputError, match=r"mask001\.tif"):
        labels.frame(1)


@pytest.mark.parametrize(
    ("tag", "field", "value"),
    [(259, 4, 2), (262, 0, 278), (262, 0, 324), (273, 8, 0)],
    ids=["two compressions", "a tag twice", "tiles", "a strip at the header"],
)
def test_an_entry_that_tifffile_reads_otherwise_is_left_to_it(
    tmp_path: Path, tag: int, field: int, value: int
) -> None:
    file = written(tmp_path, metadata=None)
    content = bytearray(file.read_bytes())
    at = content.index(struct.pack("<H", tag), 10) + field
    content[at : at + 2] = struct.pack("<H", value)
    file.write_bytes(content)
    assert read_plain(file, SHAPE) is None


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 400), value=st.integers(0, 255), kind=st.sampled_from(KINDS))
def test_a_damaged_file_gives_what_tifffile_reads_or_nothing(
    tmp_path: Path, place: int, value: int, kind: tuple[str | None, bool]
) -> None:
    compression, predictor = kind
    file = written(tmp_path, compression=compression, predictor=predictor, metadata=None)
    content = bytearray(file.read_bytes())
    content[place % len(content)] = value
    (tmp_path / "damaged.tif").write_bytes(content)
    found = read_plain(tmp_path / "damaged.tif", SHAPE)
    if found is not None:
        try:
            expected = tifffile.imread(tmp_path / "damaged.tif")
        except (ValueError, RuntimeError, struct.error, tifffile.TiffFileError):
            pytest.fail("tifffile reads nothing here")
        np.testing.assert_array_equal(found, expected)
