from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ingest.formats.ome_tiff import write_movie
from ingest.movie import Movie, open_movie


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_written_movie_reads_back_with_its_calibration(tmp_path: Path, dtype: type) -> None:
    frames: npt.NDArray[Any] = np.arange(3 * 2 * 40 * 30).reshape(3, 2, 40, 30).astype(dtype)
    movie = Movie.from_array(
        frames, name="m", axes="TCYX", pixel_size=0.65, minutes_per_frame=7.5, channels=("nuclei", "membrane")
    )
    back = open_movie(write_movie(movie, tmp_path / "m.ome.tif"))
    assert back.shape == movie.shape
    assert back.dtype == movie.dtype
    assert (back.pixel_size, back.minutes_per_frame) == (0.65, 7.5)
    assert back.channels == movie.channels
    assert all(np.array_equal(back.frame(t), frames[t]) for t in range(3))


def test_an_unknown_calibration_stays_unknown(tmp_path: Path) -> None:
    movie = Movie.from_array(np.ones((2, 20, 30), np.uint8), name="m")
    back = open_movie(write_movie(movie, tmp_path / "m.ome.tif"))
    assert (back.pixel_size, back.minutes_per_frame) == (None, None)


def test_a_movie_that_cannot_be_read_to_its_end_leaves_no_file(tmp_path: Path) -> None:
    frames = np.ones((3, 20, 30), np.float32)
    frames[2, 5, 5] = np.nan
    with pytest.raises(Exception, match="frame 2"):
        write_movie(Movie.from_array(frames, name="m"), tmp_path / "m.ome.tif")
    assert list(tmp_path.iterdir()) == []
