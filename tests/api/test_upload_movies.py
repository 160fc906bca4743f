"""What is found in an upload: movies, masks, a tracking."""

import io
import shutil
import zipfile
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from api.upload_movies import Reading, UploadReader, name_of
from api.uploads import UploadFolder
from ingest.errors import InputError
from tests import lineages
from tests.api.sending import LIMITS, Write, frames_of, raw_of, sent, stack_of, zip_of
from tests.ingest.trk_files import trk_of, trks_of

DRAWING = lineages.division()
RAW = raw_of(DRAWING)
ANY = Reading()


def copy_of(file: Path) -> Write:
    return lambda path: shutil.copyfile(file, path)


@pytest.fixture
def uploads(tmp_path: Path) -> UploadFolder:
    return UploadFolder(tmp_path / "uploads", LIMITS)


@pytest.fixture
def reader(uploads: UploadFolder, tmp_path: Path) -> UploadReader:
    (tmp_path / "scratch").mkdir()
    return UploadReader(uploads, tmp_path / "scratch")


def test_a_stack(uploads: UploadFolder, reader: UploadReader) -> None:
    ((movie, labels),) = reader.movies(sent(uploads, "cells.ome.tif", stack_of(RAW)), ANY)
    assert (movie.name, movie.source, movie.shape, labels) == (
        "cells",
        "cells.ome.tif",
        (len(RAW), 1, *RAW.shape[1:]),
        None,
    )
    assert np.array_equal(movie.frame(2)[0], RAW[2])


def test_how_it_is_read_is_the_users_to_say(uploads: UploadFolder, reader: UploadReader) -> None:
    name = sent(
        uploads, "a", lambda path: __import__("tifffile").imwrite(path, RAW, photometric="minisblack")
    )
    with pytest.raises(InputError, match="does not say"):
        reader.movies(name, ANY)
    reading = Reading(name="mine", axes="TYX", pixel_size=0.65, minutes_per_frame=7.5)
    ((movie, _),) = reader.movies(name, reading)
    assert (movie.name, movie.pixel_size, movie.minutes_per_frame) == ("mine", 0.65, 7.5)


@pytest.mark.parametrize("folder", ["", "01__"])
def test_a_zip_of_frames_is_a_movie(uploads: UploadFolder, reader: UploadReader, folder: str) -> None:
    ((movie, _),) = reader.movies(sent(uploads, "a.zip", zip_of(**frames_of(RAW, f"{folder}t"))), ANY)
    assert (movie.name, len(movie)) == ("a", len(RAW))
    assert np.array_equal(movie.frame(1)[0], RAW[1])


def test_a_zip_of_png_frames_is_a_movie(uploads: UploadFolder, reader: UploadReader) -> None:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for t, frame in enumerate(RAW):
                archive.writestr(f"01/t{t:03}.png", imagecodecs.png_encode(frame))

    name = sent(uploads, "a.zip", write)
    ((movie, _),) = reader.movies(name, ANY)
    assert (movie.name, len(movie), movie.source) == ("a", len(RAW), "a.zip")
    assert np.array_equal(movie.frame(1)[0], RAW[1])
    assert np.array_equal(reader.labels(name, ANY).frame(2), RAW[2])


def test_a_zip_of_stacks_is_a_movie_each(uploads: UploadFolder, reader: UploadReader) -> None:
    files = {"b__second": stack_of(RAW[:3]), "a": stack_of(RAW), "b__first": stack_of(RAW[:2])}
    movies = [movie for movie, _ in reader.movies(sent(uploads, "set.zip", zip_of(**files)), ANY)]
    assert [(movie.name, len(movie)) for movie in movies] == [
        ("set/a", len(RAW)),
        ("set/b/first", 2),
        ("set/b/second", 3),
    ]
    assert {movie.source for movie in movies} == {"set.zip"}


def test_a_zip_of_one_stack_is_that_movie(uploads: UploadFolder, reader: UploadReader) -> None:
    ((movie, _),) = reader.movies(sent(uploads, "a.zip", zip_of(cells=stack_of(RAW))), Reading(axes="TYX"))
    assert (movie.name, len(movie)) == ("a", len(RAW))


def test_a_missing_frame_is_told_of(uploads: UploadFolder, reader: UploadReader) -> None:
    files = frames_of(RAW)
    del files["t002"]
    with pytest.raises(InputError, match="missing"):
        reader.movies(sent(uploads, "a.zip", zip_of(**files)), ANY)


def test_trk_files_bring_their_masks(uploads: UploadFolder, reader: UploadReader, tmp_path: Path) -> None:
    other = lineages.one_track()
    files = {
        "one.trk": trk_of(tmp_path / "a", DRAWING),
        "two.trks": trks_of(tmp_path / "b", [DRAWING, other]),
    }
    for name, file in files.items():
        sent(uploads, name, copy_of(file))
    ((movie, labels),) = reader.movies("one.trk", ANY)
    assert (movie.name, movie.source) == ("one", "one.trk")
    assert labels is not None
    assert np.array_equal(labels.frame(3), DRAWING.labels[3])
    assert [movie.name for movie, _ in reader.movies("two.trks", ANY)] == ["two#0", "two#1"]
    assert np.array_equal(reader.labels("one.trk", ANY).frame(3), DRAWING.labels[3])
    with pytest.raises(InputError, match="2 movies, where one"):
        reader.labels("two.trks", ANY)


def test_masks_are_a_stack_or_a_zip_of_frames(uploads: UploadFolder, reader: UploadReader) -> None:
    masks = DRAWING.labels.astype(np.uint16)
    sent(uploads, "stack", stack_of(masks))
    sent(uploads, "zip", zip_of(**frames_of(masks, "mask")))
    sent(uploads, "two", zip_of(**frames_of(masks, "a__mask"), **frames_of(masks, "b__mask")))
    for name in ("stack", "zip"):
        labels = reader.labels(name, ANY)
        assert (labels.source, len(labels)) == (name, len(masks))
        assert np.array_equal(labels.frame(4), masks[4])
    with pytest.raises(InputError, match="2 folders, where one"):
        reader.labels("two", ANY)


def test_a_tracking_is_found_in_its_zip(uploads: UploadFolder, reader: UploadReader) -> None:
    masks, text = frames_of(DRAWING.labels.astype(np.uint16), "01_GT__TRA__man_track"), b"1 0 2 0\n"
    write_text = lambda path: path.write_bytes(text)  # noqa: E731 - a file for the archive
    sent(uploads, "truth", zip_of(**masks, **{"01_GT__TRA__man_track_txt": write_text}))
    folder = reader.tracking("truth")
    assert (folder / "man_track.txt").read_bytes() == text
    sent(uploads, "none", zip_of(**masks))
    sent(uploads, "stack", stack_of(RAW))
    for name, said in (("none", "0 of man_track.txt"), ("stack", "a TIFF file")):
        with pytest.raises(InputError, match=said):
            reader.tracking(name)


@pytest.mark.parametrize(
    ("upload", "name"),
    [("a.ome.tif", "a"), ("a.tiff", "a"), ("a.b.zip", "a.b"), ("a.trks", "a"), ("a", "a"), ("T.tif", "T")],
)
def test_a_movie_is_called_after_its_upload(upload: str, name: str) -> None:
    assert name_of(upload) == name
    assert io.StringIO(name).read()
