"""Inputs of GraphQL: how time courses are aligned, smoothed and put on a grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import strawberry

from api.smoothing import Grid, Smooth, SmoothingMethod
from graph.records import MovieRecord
from ingest.errors import InputError

strawberry.enum(
    SmoothingMethod,
    description="What stands for the values in a window: `MEAN`, or `MEDIAN`, which one wrong value "
    "hardly moves.",
)


@strawberry.enum(
    description="What the time of a cell is counted from: `BEGIN` its first frame, whatever came before; "
    "`BIRTH` its first frame, only of cells that were born in a division that was seen; `DIVISION` its last "
    "frame before it divides, only of cells that do."
)
class TimeEvent(StrEnum):
    """What the time of a cell is counted from."""

    BEGIN = "BEGIN"
    BIRTH = "BIRTH"
    DIVISION = "DIVISION"


@strawberry.enum(
    description="What a time is given in: `FRAMES` of the movie, or `MINUTES`, where its interval is known."
)
class TimeUnit(StrEnum):
    """What a time is given in."""

    FRAMES = "FRAMES"
    MINUTES = "MINUTES"


@strawberry.input(description="A moving window over the frames of a cell; missing values stay missing.")
class Smoothing:
    """A moving window over the frames of a cell."""

    window: int = strawberry.field(
        description="Its width in frames, odd, its middle at the frame; at either end it holds what there is."
    )
    method: SmoothingMethod = strawberry.field(
        description="What stands for the values in it.", default=SmoothingMethod.MEAN
    )


@strawberry.input(description="A regular grid in time, on which values are interpolated linearly.")
class Resampling:
    """A regular grid in time, on which values are interpolated linearly."""

    step: float = strawberry.field(description="From one point to the next; one is at time 0.")
    unit: TimeUnit = strawberry.field(description="Unit of the step.", default=TimeUnit.FRAMES)
    max_gap: int = strawberry.field(
        description="Frames in which a cell may have been missed between two values that are interpolated; "
        "in a longer gap values are null.",
        default=0,
    )


@dataclass(frozen=True)
class Wish:
    """How time courses are prepared, and of which features; None for all."""

    features: Sequence[str] | None
    align_to: TimeEvent | None
    smooth: Smooth | None
    resample: Resampling | None
    gaps: bool


def smooth_of(smooth: Smoothing | None) -> Smooth | None:
    """The window that is asked for.

    Raises:
        InputError: a width that cannot be.
    """
    return None if smooth is None else Smooth(smooth.method, smooth.window)


def grid_of(resample: Resampling | None, movie: MovieRecord) -> Grid | None:
    """The grid on the frames of a movie.

    Raises:
        InputError: a step that cannot be, or minutes of a movie whose interval is not known.
    """
    if resample is None:
        return None
    if resample.unit is TimeUnit.FRAMES:
        return Grid(resample.step, resample.max_gap)
    if movie.minutes_per_frame is None:
        raise InputError(
            "the interval between frames is not known",
            place=f"movie {movie.id}",
            remedy="give the step in FRAMES, or add the movie again with its minutes per frame",
        )
    return Grid(resample.step / movie.minutes_per_frame, resample.max_gap)
