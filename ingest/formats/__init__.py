"""Formats that movies, label images and trackings come in and go out as; one file a format.

How to add a format:

1. Make `ingest/formats/NAME.py`. It imports only `ingest` and the library that reads the format.
2. Movies and label images: write `open_frames(path, axes) -> Frames` (below). Read one frame at a time;
   settle the axes with `ingest.axes.settle`, so that unclear axes become a question to the user; take the
   calibration only where the file is unambiguous. Then let `ingest/movie.py` choose the format by the
   path.
3. Trackings: write `read_…(path)` that gives a `TrackingGraph` (`ctc.py` is the example) and, where the
   format can hold a graph, `write_…(graph, labels, path)` that appears whole or not at all. Say in the
   docstring what the format cannot hold. A reader refuses what is no valid lineage. A format that holds
   the movie too gives a `TrkTracking`, as `trk.py` does.
4. Every refusal is an `InputError` or a `LineageError` that names the value, the file and frame, and the
   remedy.
5. Tests in `tests/ingest/test_NAME.py`: each drawing of `tests.lineages.RIGHT` written and read back
   equal, a file of the format's own reference library read equal; a truncated, a foreign and an empty
   file refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Calibration:
    """What a file says of its scale and its channels; None and () where it says nothing.

    Attributes:
        pixel_size: µm.
        minutes_per_frame: time between frames.
        channels: their names.
    """

    pixel_size: float | None = None
    minutes_per_frame: float | None = None
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Frames:
    """What a reader of movies returns: frames that are read when they are asked for.

    Attributes:
        shape: (T, C, Y, X).
        dtype: of the pixels, in native byte order.
        read: frame number → (C, Y, X) of that dtype; may be called from several threads at once.
        files: the files that hold the frames, in their order.
        calibration: what the files say of it.
    """

    shape: tuple[int, int, int, int]
    dtype: np.dtype[Any]
    read: Callable[[int], npt.NDArray[Any]]
    files: tuple[Path, ...]
    calibration: Calibration = field(default_factory=Calibration)
