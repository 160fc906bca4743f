"""Files from elsewhere: told apart by their content, and refused where they are not whole."""

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile

from ingest.errors import InputError
from ingest.formats.uploaded import FileKind, check_file
from tests import lineages
from tests.ingest.test_trk_archive import header
from tests.ingest.trk_files import pack, trk_of

STACK = np.arange(5 * 9 * 11, dtype=np.uint16).reshape(5, 9, 11)


def tiff(path: Path, kind: str = "plain") -> Path:
    how: dict[str, dict[str, object]] = {
        "plain": {},
        "big": {"bigtiff": True},
        "imagej": {"imagej": True, "metadata": {"axes": "TYX"}},
        "ome": {"ome": True, "metadata": {"axes": "TYX"}},
        "motorola": {"byteorder": ">"},
        "packed": {"compression": "zlib"},
    }
    tifffile.imwrite(path, STACK, photometric="minisblack", **how[kind])  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("kind", ["plain", "big", "imagej", "ome", "motorola", "packed"])
def test_stacks_of_every_kind_whatever_their_name(tmp_path: Path, kind: str) -> None:
    assert check_file(tiff(tmp_path / "part", kind)) is FileKind.TIFF


def test_channels_without_time_are_asked_about_later(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a", STACK, imagej=True, metadata={"axes": "CYX"})
    assert check_file(tmp_path / "a") is FileKind.TIFF


def test_archives(tmp_path: Path) -> None:
    assert check_file(trk_of(tmp_path / "a", lineages.division())) is FileKind.TRK
    with pytest.raises(InputError, match="a member 'x'"):
        check_file(pack(tmp_path / "b", {"x": b"y"}, "w"))
    with zipfile.ZipFile(tmp_path / "c", "w") as file:
        file.write(tiff(tmp_path / "d"), "d.tif")
    assert check_file(tmp_path / "c") is FileKind.ZIP


@pytest.mark.parametrize("kind", ["plain", "imagej", "ome", "packed"])
@pytest.mark.parametrize("part", [0.05, 0.4, 0.6])
def test_a_stack_cut_anywhere_is_refused(tmp_path: Path, kind: str, part: float) -> None:
    path = tiff(tmp_path / "a", kind)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(InputError) as caught:
        check_file(path)
    assert caught.value.remedy


def test_a_stack_that_claims_40_gigapixels_is_refused(tmp_path: Path) -> None:
    path = tiff(tmp_path / "a")
    with tifffile.TiffFile(path, mode="r+") as tif:
        for page in tif.pages:
            assert isinstance(page, tifffile.TiffPage)
            for tag in ("ImageWidth", "ImageLength"):
                page.tags[tag].overwrite(200_000)
    with pytest.raises(InputError, match="200000×200000"):
        check_file(path)


def test_a_chain_of_pages_that_bites_its_tail_is_refused(tmp_path: Path) -> None:
    path = tiff(tmp_path / "a")
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<L", content, 4)
    at = first
    for _ in range(4):
        (tags,) = struct.unpack_from("<H", content, at)
        link = at + 2 + 12 * tags
        (at,) = struct.unpack_from("<L", content, link)
    (tags,) = struct.unpack_from("<H", content, at)
    struct.pack_into("<L", content, at + 2 + 12 * tags, first)
    path.write_bytes(content)
    with pytest.raises(InputError):
        check_file(path)


def test_objects_and_terabytes_in_arrays_are_refused(tmp_path: Path) -> None:
    drawing = lineages.division()
    with pytest.raises(InputError, match="Python objects"):
        check_file(trk_of(tmp_path / "a", drawing, raw=header((4, 9, 11, 1), "|O")))
    with pytest.raises(InputError, match="shape"):
        check_file(trk_of(tmp_path / "b", drawing, raw=header((10**6, 10**6, 2, 1))))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "an empty file"), (b"hello", "neither"), (b"\x93NUMPY\x01\x00", "neither"), (b"II*\0", "TIFF")],
)
def test_anything_else_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match=said):
        check_file(tmp_path / "a")
