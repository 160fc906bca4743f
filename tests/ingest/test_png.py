"""Folders of PNG frames: read as they were written, or refused."""

from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from ingest.errors import InputError
from ingest.movie import open_labels, open_movie

FRAMES = np.random.default_rng(6).integers(0, 60_000, (11, 12, 19)).astype(np.uint16)


def written(folder: Path, frames: npt.NDArray[np.generic], name: str = "t{}.png") -> Path:
    folder.mkdir(exist_ok=True)
    for t, frame in enumerate(frames):
        (folder / name.format(t)).write_bytes(imagecodecs.png_encode(frame))
    return folder


@pytest.mark.parametrize("frames", [FRAMES, (FRAMES // 256).astype(np.uint8)], ids=["16", "8"])
def test_frames_come_back_in_the_order_of_their_numbers(
    tmp_path: Path, frames: npt.NDArray[np.unsignedinteger]
) -> None:
    movie = open_movie(written(tmp_path / "png", frames))
    assert (movie.shape, movie.dtype, movie.pixel_size) == ((11, 1, 12, 19), frames.dtype, None)
    for t, frame in enumerate(frames):
        np.testing.assert_array_equal(movie.frame(t)[0], frame)
    assert [file.name for file in movie.files[:3]] == ["t0.png", "t1.png", "t2.png"]


def test_masks_as_cellpose_names_them(tmp_path: Path) -> None:
    """8 bits where the cells are few, 16 where they are many."""
    few, many = np.minimum(FRAMES[:1], 200).astype(np.uint8), FRAMES[1:]
    written(tmp_path / "masks", few, "a_00{}_cp_masks.png")
    for t, frame in enumerate(many, start=1):
        (tmp_path / "masks" / f"a_{t:03}_cp_masks.png").write_bytes(imagecodecs.png_encode(frame))
    labels = open_labels(tmp_path / "masks")
    assert labels.shape == (11, 12, 19)
    for t, frame in enumerate([*few, *many]):
        np.testing.assert_array_equal(labels.frame(t), frame)


def test_images_and_masks_in_one_folder_are_to_be_parted(tmp_path: Path) -> None:
    written(tmp_path / "both", FRAMES[:3], "a_00{}.png")
    written(tmp_path / "both", FRAMES[:3], "a_00{}_cp_masks.png")
    assert "move the masks into a folder of their own" in refusal(tmp_path / "both")


def test_one_file_is_no_movie(tmp_path: Path) -> None:
    written(tmp_path / "a", FRAMES[:1], "a{}.png")
    assert "name the folder of the frames" in refusal(tmp_path / "a" / "a0.png")


def test_tiff_files_come_first(tmp_path: Path) -> None:
    """PNG files beside them are previews."""
    folder = written(tmp_path / "both", FRAMES[:3])
    tifffile.imwrite(folder / "a.tif", FRAMES[5])
    np.testing.assert_array_equal(open_movie(folder).frame(0)[0], FRAMES[5])


def read_all(path: Path, axes: str | None) -> None:
    movie = open_movie(path, axes=axes)
    for t in range(len(movie)):
        movie.frame(t)


def refusal(path: Path, axes: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_all(path, axes)
    return str(caught.value)


@pytest.mark.parametrize("samples", [2, 3, 4])
def test_colours_and_transparency_are_refused(tmp_path: Path, samples: int) -> None:
    folder = written(tmp_path / "png", np.zeros((2, 5, 7, samples), np.uint8))
    assert "of 8 bits; save grey levels" in refusal(folder)


def test_frames_that_differ_or_are_missing_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "png", FRAMES[:3])
    (folder / "t3.png").write_bytes(imagecodecs.png_encode(FRAMES[3, :5]))
    assert "t3.png: a frame of (5, 19) pixels of uint16, where t0.png has (12, 19)" in refusal(folder)
    (folder / "t3.png").write_bytes(imagecodecs.png_encode(FRAMES[3].astype(np.uint8)))
    assert "pixels of uint8, where t0.png has (12, 19) pixels of uint16" in refusal(folder)
    (folder / "t3.png").rename(folder / "t5.png")
    assert "t5.png follows t2.png" in refusal(folder)
    (folder / "t5.png").unlink()
    (folder / "b7.png").write_bytes(imagecodecs.png_encode(FRAMES[7]))
    assert "are not named alike" in refusal(folder)
    np.testing.assert_array_equal(open_movie(folder, axes="TYX").frame(0)[0], FRAMES[7])
    assert "axes 'YX'" in refusal(folder, axes="YX")


def test_what_is_no_whole_png_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "png", FRAMES[:2])
    whole = (folder / "t1.png").read_bytes()
    for content in (b"", b"just a text that is long enough", whole[:20], whole[:60], whole[:-40]):
        (folder / "t1.png").write_bytes(content)
        assert "cannot be read as PNG" in refusal(folder)
        assert "t1.png" in refusal(folder)
    forged = bytearray(whole)
    forged[16:24] = b"\x00\x0f\x42\x40" * 2  # a million by a million
    (folder / "t1.png").write_bytes(bytes(forged))
    assert "frames of 1000000×1000000 pixels" in refusal(folder)
