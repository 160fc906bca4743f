"""Movies written as OME-TIFF, a frame at a time, with their calibration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from ingest.movie import Movie
from ingest.progress import Progress, silent


def write_movie(movie: Movie, path: Path, *, progress: Progress = silent) -> Path:
    """Write a movie as one OME-TIFF, compressed; the file appears complete or not at all.

    Args:
        movie: its pixel size and frame interval are written where known.
        path: ends in `.ome.tif`; an existing file is replaced.
        progress: told of each frame.

    Returns:
        `path`.
    """

    def planes() -> Iterator[npt.NDArray[Any]]:
        for t in progress(range(len(movie)), "Writing the movie"):
            yield from movie.frame(t)  # (C, Y, X), a plane a channel

    unfinished = path.with_name(f".{path.name}.part")
    try:
        tifffile.imwrite(
            unfinished,
            planes(),
            ome=True,
            shape=movie.shape,
            dtype=movie.dtype,
            compression="zlib",
            predictor=np.issubdtype(movie.dtype, np.integer),
            metadata={"axes": "TCYX", "Channel": {"Name": list(movie.channels)}, **_calibration(movie)},
        )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _calibration(movie: Movie) -> dict[str, Any]:
    """What OME calls the pixel size and the time between frames."""
    stated: dict[str, Any] = {}
    if movie.pixel_size is not None:
        stated |= {"PhysicalSizeX": movie.pixel_size, "PhysicalSizeXUnit": "µm"}
        stated |= {"PhysicalSizeY": movie.pixel_size, "PhysicalSizeYUnit": "µm"}
    if movie.minutes_per_frame is not None:
        stated |= {"TimeIncrement": movie.minutes_per_frame, "TimeIncrementUnit": "min"}
    return stated
