"""A movie and its label images, whatever holds them."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from ingest.errors import InputError
from ingest.movie import LabelImages, Movie, open_labels, open_movie

T, C, Y, X = 5, 2, 9, 13
FRAMES = np.random.default_rng(3).integers(0, 900, (T, C, Y, X)).astype(np.uint16)


def movie(frames: npt.NDArray[Any] = FRAMES, axes: str = "TCYX", **stated: Any) -> Movie:
    return Movie.from_array(frames, name="cells", axes=axes, **stated)


def write_frames(folder: Path, frames: npt.NDArray[Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for t, frame in enumerate(frames):
        tifffile.imwrite(folder / f"t{t:03}.tif", frame, metadata=None)
    return folder


def test_an_array_with_channels() -> None:
    found = movie(channels=["DAPI", "GFP"], pixel_size=0.65, minutes_per_frame=5)
    assert found.dtype == np.uint16
    assert (found.shape, len(found)) == ((T, C, Y, X), T)
    assert (found.channels, found.pixel_size, found.minutes_per_frame) == (("DAPI", "GFP"), 0.65, 5)
    assert (found.source, found.files) == ("", ())
    np.testing.assert_array_equal(found.frame(3), FRAMES[3])


def test_an_array_of_one_channel() -> None:
    found = movie(FRAMES[:, 0], "TYX")
    assert (found.shape, found.channels) == ((T, 1, Y, X), ("channel 0",))
    assert found.frame(0).shape == (1, Y, X)
    np.testing.assert_array_equal(found.frame(2)[0], FRAMES[2, 0])


@pytest.mark.parametrize(
    ("names", "channel", "index"),
    [
        (("DAPI", "GFP"), "GFP", 1),
        (("DAPI", "GFP"), "DAPI", 0),
        (("DAPI", "GFP"), "1", 1),
        (("1", "0"), "0", 1),  # its name, before a number
        (None, "channel 1", 1),
    ],
)
def test_the_channel_that_shows_the_cells(names: tuple[str, str] | None, channel: str, index: int) -> None:
    found = movie(channels=names)
    np.testing.assert_array_equal(found.cell_image(3), FRAMES[3, 0])
    chosen = found.with_cells_in(channel)
    assert chosen.cell_channel == index
    np.testing.assert_array_equal(chosen.cell_image(3), FRAMES[3, index])
    np.testing.assert_array_equal(chosen.frame(3), FRAMES[3])
    assert chosen.fingerprint() == found.fingerprint()


@pytest.mark.parametrize(
    ("names", "channel", "said"),
    [
        (("DAPI", "GFP"), "gfp", "cells: no channel 'gfp'; choose one of DAPI (0), GFP (1)"),
        (("DAPI", "GFP"), "2", "no channel '2'"),
        (("DAPI", "GFP"), "-1", "no channel '-1'"),
        (("DAPI", "GFP"), "", "no channel ''"),
        (("GFP", "GFP"), "GFP", "cells: 2 channels are called 'GFP'; choose one of GFP (0), GFP (1)"),
    ],
)
def test_a_channel_that_is_not_there(names: tuple[str, str], channel: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        movie(channels=names).with_cells_in(channel)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("frames", "axes", "said"),
    [
        (FRAMES, "TYX", "axes 'TYX' for an array of shape (5, 2, 9, 13)"),
        (FRAMES, "CTYX", "axes 'CTYX'"),
        (FRAMES[:0], "TCYX", "a movie of shape (0, 2, 9, 13)"),
        (FRAMES.astype(complex), "TCYX", "pixels of type complex128"),
    ],
)
def test_arrays_that_are_no_movie(frames: npt.NDArray[Any], axes: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        movie(frames, axes)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "stated", [{"pixel_size": 0.0}, {"minutes_per_frame": -5.0}, {"pixel_size": float("nan")}]
)
def test_a_scale_is_positive(stated: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="give a positive number"):
        movie(**stated)


def test_names_of_channels_that_are_too_few_are_refused() -> None:
    with pytest.raises(InputError, match="1 names for 2 channels"):
        movie(channels=["DAPI"])


def test_floats_are_a_movie_when_they_are_finite() -> None:
    frames = FRAMES.astype(np.float32)
    frames[2, 1, 3, 4] = np.nan
    found = movie(frames)
    np.testing.assert_array_equal(found.frame(1), frames[1])
    with pytest.raises(InputError, match="cells, frame 2: pixels that are NaN or infinite"):
        found.frame(2)


def test_the_fingerprint_is_of_the_content() -> None:
    prints = [
        movie().fingerprint(),
        movie(FRAMES.astype(np.uint32)).fingerprint(),
        movie(FRAMES[:3]).fingerprint(),
        movie(FRAMES[:, :1]).fingerprint(),
        movie(FRAMES.reshape(C, T, Y, X)).fingerprint(),
        movie(FRAMES + (np.arange(X) == 5).astype(np.uint16)).fingerprint(),
    ]
    assert len(set(prints)) == len(prints)
    assert all(len(bytes.fromhex(one)) == 32 for one in prints)


def test_the_fingerprint_is_not_of_the_name_scale_or_memory_layout() -> None:
    other = Movie.from_array(np.asfortranarray(FRAMES.astype(">u2")), name="b", axes="TCYX", pixel_size=0.5)
    assert other.fingerprint() == movie().fingerprint()


def test_the_fingerprint_of_files_follows_each_of_them(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "a", FRAMES[:, 0])
    before = open_movie(folder).fingerprint()
    assert open_movie(write_frames(tmp_path / "b", FRAMES[:, 0])).fingerprint() == before
    assert open_movie(write_frames(tmp_path / "c", FRAMES[[1, 0, 2, 3, 4], 0])).fingerprint() != before
    tifffile.imwrite(folder / "t003.tif", FRAMES[0, 0], metadata=None)
    assert open_movie(folder).fingerprint() != before


def test_a_folder_of_frames(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "Fluo" / "01", FRAMES[:, 1])
    found = open_movie(str(folder), pixel_size=0.645, minutes_per_frame=30)
    assert (found.name, found.source) == ("Fluo/01", str(folder))
    assert (found.shape, found.pixel_size, found.minutes_per_frame) == ((T, 1, Y, X), 0.645, 30)
    np.testing.assert_array_equal(found.frame(3)[0], FRAMES[3, 1])


def test_a_stack_brings_its_calibration_and_the_user_overrides_it(tmp_path: Path) -> None:
    path = tmp_path / "wells.ome.tif"
    stated = {
        "PhysicalSizeX": 0.5,
        "PhysicalSizeY": 0.5,
        "TimeIncrement": 120,
        "Channel": {"Name": ["a", "b"]},
    }
    tifffile.imwrite(path, FRAMES, metadata={"axes": "TCYX", **stated})
    found = open_movie(path)
    assert (found.name, found.channels) == ("wells", ("a", "b"))
    assert (found.pixel_size, found.minutes_per_frame) == (0.5, 2)
    np.testing.assert_array_equal(found.frame(1), FRAMES[1])
    found = open_movie(path, pixel_size=0.7, minutes_per_frame=3, name="mine")
    assert (found.name, found.pixel_size, found.minutes_per_frame) == ("mine", 0.7, 3)
    assert found.assumed == frozenset()
    assert open_movie(path, pixel_size=0.7).assumed == {"minutes_per_frame"}


def test_unclear_axes_are_asked_about(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", FRAMES[:, 0])
    with pytest.raises(InputError, match=r"--axes TYX \(Python: axes='TYX'\)"):
        open_movie(tmp_path / "a.tif")
    assert open_movie(tmp_path / "a.tif", axes="TYX").shape == (T, 1, Y, X)


LABELS = np.zeros((T, Y, X), np.uint16)
LABELS[0, 2:5, 3:9] = 7
LABELS[3, 1:3, 2:4] = 65_535


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64]
)
def test_labels_of_any_whole_numbers(dtype: npt.DTypeLike) -> None:
    labels = np.minimum(LABELS, 100).astype(dtype)
    found = LabelImages.from_array(labels)
    assert (found.shape, len(found)) == ((T, Y, X), T)
    assert found.frame(0).dtype == np.int32
    np.testing.assert_array_equal(np.stack(list(found)), labels)


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (np.full((Y, X), 1.5), r"labels that are no whole numbers \(1.5\)"),
        (np.full((Y, X), np.nan), "labels that are no whole numbers"),
        (np.full((Y, X), np.inf), "label inf"),
        (np.full((Y, X), -3, np.int16), "label -3"),
        (np.full((Y, X), 2**31, np.uint32), "label 2147483648"),
        (np.full((Y, X), 2**63, np.uint64), "label 9223372036854775808"),
        (np.full((Y, X), 1e12), "label 1000000000000"),
        (np.full((Y, X), True), "a mask of yes and no"),
        (np.zeros((Y, X - 1), np.uint8), r"a label image of \(9, 12\) pixels among others of \(9, 13\)"),
    ],
)
def test_what_is_no_label_image_is_refused(odd: npt.NDArray[Any], said: str) -> None:
    images = LabelImages((T, Y, X), lambda t: odd if t == 2 else LABELS[t], "somewhere")
    np.testing.assert_array_equal(images.frame(3), LABELS[3])
    with pytest.raises(InputError, match=said) as caught:
        images.frame(2)
    assert caught.value.place == "somewhere, frame 2"


def test_label_arrays_have_three_axes() -> None:
    with pytest.raises(InputError, match=r"label images of shape \(9, 13\)"):
        LabelImages.from_array(LABELS[0])
    with pytest.raises(InputError, match=r"label images of shape \(2, 9, 0\)"):
        LabelImages.from_array(np.zeros((2, 9, 0), np.int32))


def test_label_images_of_a_folder_and_of_a_stack(tmp_path: Path) -> None:
    write_frames(tmp_path / "SEG", LABELS)
    tifffile.imwrite(tmp_path / "a.tif", LABELS)
    for path in (tmp_path / "SEG", tmp_path / "a.tif"):
        found = open_labels(path)
        assert found.shape == (T, Y, X)
        np.testing.assert_array_equal(np.stack(list(found)), LABELS)


def test_float_labels_in_a_file_name_file_and_frame(tmp_path: Path) -> None:
    labels = LABELS.astype(np.float32)
    labels[1, 0, 0] = 0.25
    found = open_labels(write_frames(tmp_path / "SEG", labels))
    np.testing.assert_array_equal(found.frame(0), LABELS[0])
    with pytest.raises(InputError, match=rf"{tmp_path / 'SEG'}, frame 1: labels that are no whole numbers"):
        found.frame(1)


def test_labels_of_several_channels_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", FRAMES, metadata={"axes": "TCYX"})
    with pytest.raises(InputError, match="label images of 2 channels"):
        open_labels(tmp_path / "a.ome.tif")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "shape", "dtype"),
    [
        ("Fluo-N2DL-HeLa/01", (92, 1, 700, 1100), np.uint16),
        ("PhC-C2DL-PSC/01", (140, 1, 576, 720), np.uint8),
        ("DIC-C2DH-HeLa/01", (84, 1, 512, 512), np.uint8),
    ],
)
def test_real_movies(data_folder: Path, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
    found = open_movie(data_folder / "ctc" / name)
    assert (found.name, found.shape, found.pixel_size) == (name, shape, None)
    assert found.dtype == dtype
    last = tifffile.imread(found.files[-1])
    np.testing.assert_array_equal(found.frame(len(found) - 1)[0], last)


@pytest.mark.data
def test_gold_masks_of_a_few_frames_are_no_label_images_of_a_movie(data_folder: Path) -> None:
    with pytest.raises(InputError, match=r"frames are missing .* man_seg\d+\.tif follows man_seg\d+\.tif"):
        open_labels(data_folder / "ctc" / "Fluo-N2DL-HeLa" / "01_GT" / "SEG")
