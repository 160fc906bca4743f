"""TIFF movies of every kind, whole or refused."""

import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.formats import Frames
from ingest.formats.tiff import open_frames

T, C, Y, X = 5, 2, 12, 19
MOVIE = np.random.default_rng(7).integers(0, 900, (T, Y, X)).astype(np.uint16)
CHANNELS = np.random.default_rng(8).integers(0, 900, (T, C, Y, X)).astype(np.uint16)

Image = npt.NDArray[Any]
Writer = Callable[[Path, Image], None]


def writer(**options: Any) -> Writer:
    def write(path: Path, image: Image) -> None:
        tifffile.imwrite(path, image, **options)

    return write


def several_strips(path: Path, image: Image) -> None:
    tifffile.imwrite(path, image, compression="zlib", rowsperstrip=5, metadata=None)


STACKS: dict[str, Writer] = {
    "plain": writer(metadata=None),
    "plain_zlib": writer(metadata=None, compression="zlib"),
    "plain_lzw": writer(metadata=None, compression="lzw", predictor=True),
    "big_endian": writer(metadata=None, byteorder=">"),
    "bigtiff": writer(metadata=None, bigtiff=True, compression="zlib"),
    "strips": several_strips,
    "tiles": writer(metadata=None, tile=(16, 16)),
    "numpy": writer(),
    "one_page_for_all": writer(metadata={"axes": "TYX"}, truncate=True),
    "imagej": writer(imagej=True, metadata={"axes": "TYX"}),
    "imagej_one_page": writer(imagej=True, metadata={"axes": "TYX"}, truncate=True),
    "ome": writer(ome=True, metadata={"axes": "TYX"}),
    "ome_zlib": writer(ome=True, metadata={"axes": "TYX"}, compression="zlib"),
}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The library logs what it then reads half; here the errors count."""
    caplog.set_level(logging.CRITICAL, "tifffile")


def pixels(frames: Frames) -> Image:
    return np.stack([frames.read(t) for t in range(frames.shape[0])])  # (T, C, Y, X)


def refusal(path: Path, axes: str | None = None) -> str:
    """What the user is told, at opening or at the latest at reading."""
    with pytest.raises(InputError) as caught:
        pixels(open_frames(path, axes=axes))
    assert caught.value.remedy
    return str(caught.value)


def write_folder(folder: Path, names: list[str], image: Image = MOVIE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in zip(names, image, strict=False):
        tifffile.imwrite(folder / name, frame, metadata=None)
    return folder


@pytest.mark.parametrize("kind", STACKS)
def test_a_stack_of_any_kind(tmp_path: Path, kind: str) -> None:
    STACKS[kind](tmp_path / "a.tif", MOVIE)
    frames = open_frames(tmp_path / "a.tif", axes="TYX")
    assert frames.shape == (T, 1, Y, X)
    assert frames.files == (tmp_path / "a.tif",)
    found = pixels(frames)
    assert found.dtype == frames.dtype == np.uint16
    np.testing.assert_array_equal(found[:, 0], MOVIE)


@pytest.mark.parametrize("kind", STACKS)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(part=st.floats(0, 1, exclude_max=True))
@example(part=0.8515625)  # cuts a list of strips of `strips`
def test_a_stack_cut_anywhere_is_whole_or_refused(tmp_path: Path, kind: str, part: float) -> None:
    STACKS[kind](tmp_path / "a.tif", MOVIE)
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(content[: int(part * len(content))])
    found = None
    with contextlib.suppress(InputError):
        found = pixels(open_frames(tmp_path / "cut.tif", axes="TYX"))
    assert found is None or np.array_equal(found[:, 0], MOVIE)


def test_a_truncated_stack_says_after_which_page(tmp_path: Path) -> None:
    STACKS["plain_zlib"](tmp_path / "a.tif", MOVIE)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        fourth = tif.pages[3].offset
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:fourth])
    said = refusal(tmp_path / "a.tif", "TYX")
    assert said.startswith(f"{tmp_path / 'a.tif'}: truncated TIFF: it breaks off after page 3")


def test_a_truncated_frame_is_refused_when_the_folder_is_opened(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, [f"t{t}.tif" for t in range(T)])
    cut = folder / "t3.tif"
    cut.write_bytes(cut.read_bytes()[:-9])
    with pytest.raises(
        InputError, match=r"t3\.tif, frame 3: truncated TIFF: its pixels reach beyond the end"
    ):
        open_frames(folder)


@pytest.mark.parametrize("compression", ["zlib", "lzma", "zstd"])
def test_damaged_compression_names_the_frame_and_spares_the_others(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, MOVIE, metadata=None, compression=compression)
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[3]
        start, count = page.dataoffsets[0], page.databytecounts[0]
    content = bytearray(path.read_bytes())
    content[start : start + count // 2] = bytes(count // 2)
    path.write_bytes(content)
    frames = open_frames(path, axes="TYX")
    np.testing.assert_array_equal(frames.read(4)[0], MOVIE[4])
    with pytest.raises(InputError, match=r"a\.tif, frame 3: cannot be read as TIFF"):
        frames.read(3)


def test_frames_of_a_folder_are_read_when_asked_for(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, [f"t{t}.tif" for t in range(T)])
    frames = open_frames(folder)
    (folder / "t3.tif").unlink()
    np.testing.assert_array_equal(frames.read(2)[0], MOVIE[2])
    with pytest.raises(InputError, match=r"t3\.tif"):
        frames.read(3)


@pytest.mark.parametrize("kind", ["plain_zlib", "numpy", "imagej_one_page"])
def test_a_stack_may_be_read_from_several_threads(tmp_path: Path, kind: str) -> None:
    STACKS[kind](tmp_path / "a.tif", MOVIE)
    frames = open_frames(tmp_path / "a.tif", axes="TYX")
    with ThreadPoolExecutor(4) as threads:
        for t, image in zip(list(range(T)) * 20, threads.map(frames.read, list(range(T)) * 20), strict=True):
            np.testing.assert_array_equal(image[0], MOVIE[t])


@pytest.mark.parametrize(
    "names",
    [
        ["t9.tif", "t10.tif", "t11.tif", "t12.tif", "t13.tif"],
        ["mask000000.tif", "mask000001.tif", "mask000002.tif", "mask000003.tif", "mask000004.tif"],
        ["x_t000.tiff", "x_t010.tiff", "x_t020.tiff", "x_t030.tiff", "x_t040.tiff"],
        ["2024_pos1_07.TIF", "2024_pos1_08.TIF", "2024_pos1_09.TIF", "2024_pos1_10.TIF", "2024_pos1_11.TIF"],
        ["Zelle_ä_β_0.tif", "Zelle_ä_β_1.tif", "Zelle_ä_β_2.tif", "Zelle_ä_β_3.tif", "Zelle_ä_β_4.tif"],
    ],
)
def test_a_folder_in_natural_order(tmp_path: Path, names: list[str]) -> None:
    folder = write_folder(tmp_path / "Größe µm", names)
    (folder / "notes.txt").write_text("not a frame")
    (folder / "._t000.tif").write_bytes(b"a file manager's own")
    frames = open_frames(folder)
    assert frames.shape == (T, 1, Y, X)
    np.testing.assert_array_equal(pixels(frames)[:, 0], MOVIE)


def test_one_file_in_a_folder_is_a_stack_of_its_own(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", MOVIE, metadata={"axes": "TYX"})
    assert open_frames(tmp_path).shape == (T, 1, Y, X)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["t0.tif", "t1.tif", "t3.tif"], "t3.tif follows t1.tif"),
        (["t000.tif", "t010.tif", "t015.tif"], "t010.tif follows t000.tif"),
        (["t1.tif", "t01.tif", "t2.tif"], "have the same number"),
        (["t0_c0.tif", "t0_c1.tif", "t1_c0.tif"], "differ in more than one number"),
        (["t0.tif", "t1.tif", "overview.tif"], "are not named alike"),
        (["t0.tif", "t1.tif", "u2.tif"], "are not named alike"),
        (["a.tif", "a.tiff"], "have no numbers"),
        (["t1.tif", "t1.tiff"], "have the same number"),
    ],
)
def test_names_that_do_not_count_up_are_refused(tmp_path: Path, names: list[str], said: str) -> None:
    assert said in refusal(write_folder(tmp_path, names))


def test_the_user_may_say_that_all_files_are_frames(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, ["a0_7.tif", "a1_3.tif", "b.tif"])
    np.testing.assert_array_equal(pixels(open_frames(folder, axes="TYX"))[:, 0], MOVIE[:3])


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (np.zeros((Y, X + 1), np.uint16), "a frame of (12, 20) pixels of uint16, where t0.tif has (12, 19)"),
        (np.zeros((Y, X), np.uint8), "pixels of uint8, where t0.tif has (12, 19) of uint16"),
        (np.zeros((2, Y, X), np.uint16), "a frame of 2 planes, where t0.tif has 1"),
        (np.zeros((Y, X, 3), np.uint16), "a frame of (12, 19, 3) pixels"),
    ],
)
def test_a_frame_unlike_the_first_is_refused(tmp_path: Path, odd: Image, said: str) -> None:
    folder = write_folder(tmp_path, ["t0.tif", "t1.tif"])
    tifffile.imwrite(folder / "t2.tif", odd, metadata=None, photometric="rgb" if odd.shape[-1] == 3 else None)
    assert said in refusal(folder)


def test_channels_of_a_stack(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", CHANNELS, metadata={"axes": "TCYX"})
    tifffile.imwrite(tmp_path / "b.ome.tif", CHANNELS.swapaxes(0, 1), metadata={"axes": "CTYX"})
    tifffile.imwrite(tmp_path / "c.tif", CHANNELS, imagej=True, metadata={"axes": "TCYX"})
    for name in ("a.ome.tif", "b.ome.tif", "c.tif"):
        frames = open_frames(tmp_path / name)
        assert frames.shape == (T, C, Y, X)
        np.testing.assert_array_equal(pixels(frames), CHANNELS)


def test_channels_of_a_folder(tmp_path: Path) -> None:
    plain, stated = tmp_path / "plain", tmp_path / "stated"
    for folder in (plain, stated):
        folder.mkdir()
    for t in range(T):
        tifffile.imwrite(plain / f"t{t}.tif", CHANNELS[t], metadata=None)
        tifffile.imwrite(stated / f"t{t}.tif", CHANNELS[t], imagej=True, metadata={"axes": "CYX"})
    np.testing.assert_array_equal(pixels(open_frames(plain, axes="TCYX")), CHANNELS)
    np.testing.assert_array_equal(pixels(open_frames(stated)), CHANNELS)
    assert "--axes TCYX" in refusal(plain)
    assert "begin with T" in refusal(plain, "CYX")


def test_unclear_axes_are_asked_about(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", MOVIE)
    assert "--axes TYX" in refusal(tmp_path / "a.tif")
    assert open_frames(tmp_path / "a.tif", labels=True).shape == (T, 1, Y, X)


def test_many_channels_and_no_time_are_asked_about(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", MOVIE, imagej=True, metadata={"axes": "CYX"})
    assert "5 channels and no time axis" in refusal(tmp_path / "a.tif")
    assert open_frames(tmp_path / "a.tif", axes="CYX").shape == (1, T, Y, X)
    assert open_frames(tmp_path / "a.tif", axes="TYX").shape == (T, 1, Y, X)


def test_depth_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", MOVIE, imagej=True, metadata={"axes": "ZYX"})
    assert "3-D movie (5 planes of depth)" in refusal(tmp_path / "a.tif")
    folder = write_folder(tmp_path / "masks", ["t0.tif", "t1.tif"], CHANNELS)
    with pytest.raises(InputError, match=r"3-D movie \(2 planes of depth\)"):
        open_frames(folder, labels=True)


def test_colour_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((Y, X, 3), np.uint8), photometric="rgb")
    assert "colour images of shape (12, 19, 3)" in refusal(tmp_path / "a.tif")
    folder = write_folder(tmp_path / "rgb", ["t0.tif", "t1.tif"], np.zeros((2, Y, X, 3), np.uint8))
    assert "colour images" in refusal(folder)


def test_several_time_points_in_one_of_several_files_are_refused(tmp_path: Path) -> None:
    for name in ("a0.tif", "a1.tif"):
        tifffile.imwrite(tmp_path / name, MOVIE, imagej=True, metadata={"axes": "TYX"})
    assert "5 time points in one of several files" in refusal(tmp_path)


def test_images_of_two_sizes_in_a_file_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(MOVIE[0], metadata=None)
        tif.write(MOVIE[0, :7], metadata=None)
    assert "2 images of shapes (12, 19), (7, 19)" in refusal(tmp_path / "a.tif")


@pytest.mark.parametrize("in_folder", [False, True])
def test_a_header_that_claims_40_gigapixels_is_refused_unread(tmp_path: Path, in_folder: bool) -> None:
    folder = write_folder(tmp_path, ["t0.tif", "t1.tif"])
    tifffile.imwrite(folder / "t0.tif", MOVIE[0], metadata=None, compression="zlib")
    with tifffile.TiffFile(folder / "t0.tif", mode="r+") as tif:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tif.pages.first.tags[tag].overwrite(200_000)
    assert "frames of 200000×200000 pixels" in refusal(folder if in_folder else folder / "t0.tif")


def test_an_image_of_more_rows_than_strips_is_refused(tmp_path: Path) -> None:
    several_strips(tmp_path / "a.tif", MOVIE[0])
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tif:
        tif.pages.first.tags["ImageLength"].overwrite(31)
    assert "frame 0: truncated TIFF: 3 of 7 strips or tiles are there" in refusal(tmp_path / "a.tif")


@pytest.mark.parametrize("content", [b"", b"II*", b"just a text", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_what_is_no_tiff_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    assert refusal(tmp_path / "a.tif").startswith(f"{tmp_path / 'a.tif'}: cannot be read as TIFF")


def test_numbers_with_an_imaginary_part_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", MOVIE[0].astype(np.complex64))
    assert "pixels of type complex64" in refusal(tmp_path / "a.tif")


def test_missing_paths_and_empty_folders(tmp_path: Path) -> None:
    assert "no such file or folder" in refusal(tmp_path / "nowhere")
    (tmp_path / "01").mkdir()
    (tmp_path / "01_GT").mkdir()
    said = refusal(tmp_path)
    assert "no TIFF files (.tif, .tiff) in this folder" in said
    assert "name one of its folders: 01, 01_GT" in said
    for name in ("t0.jpg", "t1.jpg", "notes.txt"):
        (tmp_path / "01" / name).touch()
    assert refusal(tmp_path / "01").endswith("save the frames as TIFF: it holds 2 .jpg files")


def test_another_form_is_to_be_saved_as_tiff(tmp_path: Path) -> None:
    np.save(tmp_path / "movie.npy", MOVIE)
    assert refusal(tmp_path / "movie.npy").endswith("; save it as TIFF")


OME = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{own}"><Image ID="Image:0">
<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="19" SizeY="12" SizeC="1" SizeZ="1" SizeT="2"
PhysicalSizeX="0.5" PhysicalSizeY="0.5"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>
<TiffData FirstT="0" IFD="0" PlaneCount="1"><UUID FileName="t0.ome.tif">urn:uuid:{first}</UUID></TiffData>
<TiffData FirstT="1" IFD="0" PlaneCount="1"><UUID FileName="t1.ome.tif">urn:uuid:{second}</UUID></TiffData>
</Pixels></Image></OME>"""


def test_an_ome_tiff_in_several_files_is_opened_by_its_folder(tmp_path: Path) -> None:
    ids = [f"00000000-0000-0000-0000-00000000000{t}" for t in range(2)]
    for t in range(2):
        xml = OME.format(own=ids[t], first=ids[0], second=ids[1]).encode()
        tifffile.imwrite(tmp_path / f"t{t}.ome.tif", MOVIE[t], description=xml, metadata=None)
    frames = open_frames(tmp_path)
    np.testing.assert_array_equal(pixels(frames)[:, 0], MOVIE[:2])
    assert frames.calibration.pixel_size == 0.5
    assert "spread over several files; name the folder" in refusal(tmp_path / "t0.ome.tif")
    (tmp_path / "t1.ome.tif").unlink()
    assert refusal(tmp_path / "t0.ome.tif").startswith(f"{tmp_path / 't0.ome.tif'}: ")
