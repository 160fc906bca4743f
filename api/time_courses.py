"""GraphQL types of time courses: what several cells measured, made comparable, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import strawberry
from anyio import to_thread

from api.cells import VALUES, FeatureColumn, plain
from api.columns import UNITS, with_units
from api.context import Info
from api.course_wishes import Resampling, Smoothing, TimeEvent, Wish, grid_of, smooth_of
from api.fields import ListSize, described, resolved, value
from api.smoothing import every_frame, interpolated, smoothed
from graph.records import MovieRecord, TrackRecord
from graph.records import TimeSeries as Rows
from ingest.errors import InputError
from ingest.tracking_graph import BoolArray, FloatArray


@dataclass(frozen=True)
class Chosen:
    """A track with its rows and its movie."""

    record: TrackRecord
    rows: Rows
    movie: MovieRecord


@dataclass(frozen=True)
class Course:
    """One track's part of the columns; M rows.

    Attributes:
        track: whose.
        minutes_per_frame: of its movie.
        origin: the frame that its time is counted from; None where time is not.
        frame: (M,) where on the movie's time axis.
        seen: (M,) whether the cell was detected in that frame.
        values: (M, F) of the features, NaN where there are none.
    """

    track: int
    minutes_per_frame: float | None
    origin: int | None
    frame: FloatArray
    seen: BoolArray
    values: FloatArray


@described
class TimeCourses:
    """What several cells measured, as columns: all rows of one track in the order of time, then the next's.

    A row is a detection; with `gaps` also a frame in which the cell was missed; with `resample` a point of
    the grid.
    """

    track: list[strawberry.ID] = value("Id of each row's track.", VALUES)
    frame: list[float] = value("Zero-based frame; between two frames on a grid.", VALUES)
    minutes: list[float | None] = value("Time since frame 0, min; null without the movie's interval.", VALUES)
    relative_frame: list[float] | None = value(
        "Frames since the event, negative before it; null without `alignTo`.", VALUES
    )
    relative_minutes: list[float | None] | None = value(
        "Minutes since the event, negative before it; null without `alignTo` or the movie's interval.", VALUES
    )
    seen: list[bool] = value("Whether the cell was detected in just that frame.", VALUES)
    columns: list[FeatureColumn] = value(
        "The features that were asked for, in that order; otherwise all.", ListSize(assumed_size=8)
    )
    left_out: list[strawberry.ID] = value(
        "Ids of the tracks that have no such event, of which there are no rows.", ListSize(assumed_size=5)
    )


@described
class WithTimeCourses:
    """Something that has tracks."""

    async def chosen(self, info: Info) -> list[Chosen]:
        """The tracks with their rows."""
        raise NotImplementedError

    @resolved()
    async def time_courses(
        self,
        info: Info,
        features: list[str] | None = None,
        align_to: TimeEvent | None = None,
        smooth: Smoothing | None = None,
        resample: Resampling | None = None,
        gaps: bool = False,
    ) -> TimeCourses:
        """What the cells measured, made comparable, as columns: these features, otherwise all.

        `alignTo` counts time from an event of each cell. `smooth` is done first, then `resample`, which
        interpolates linearly on a grid that all cells share. `gaps` gives a row with nulls for each frame
        in which a cell was missed.
        """
        wish = Wish(features, align_to, smooth_of(smooth), resample, gaps)
        return await time_courses_of(await self.chosen(info), wish, info)


async def time_courses_of(chosen: Sequence[Chosen], wish: Wish, info: Info) -> TimeCourses:
    """The tracks as one table.

    Raises:
        InputError: a feature was not measured, or the wish cannot be fulfilled.
        LimitError: a grid has too many points.
    """
    origins = await _origins(chosen, wish.align_to, info)
    kept = [(one, origin) for one, origin in zip(chosen, origins, strict=True) if origin is not None]
    for one, origin in kept:
        grid = grid_of(wish.resample, one.movie)
        if grid:
            info.context.loaders.spend(grid.points(one.record.begin, one.record.end, origin))
    names = _names(chosen, wish.features)
    left_out = [one.record.id for one, origin in zip(chosen, origins, strict=True) if origin is None]

    def prepare() -> TimeCourses:
        courses = [_course(one, origin, names, wish) for one, origin in kept]
        return _table(courses, names, left_out, aligned=wish.align_to is not None)

    return await to_thread.run_sync(prepare)


async def _origins(chosen: Sequence[Chosen], event: TimeEvent | None, info: Info) -> list[int | None]:
    """The frame of each track's event, which is 0 where time is not aligned; None where it has none."""
    records = [one.record for one in chosen]
    if event is None:
        return [0] * len(records)
    if event is TimeEvent.DIVISION:
        return [record.end if len(record.daughters) > 1 else None for record in records]
    if event is TimeEvent.BIRTH:
        sisters = await info.context.loaders.sisters.load_many([record.id for record in records])
        return [r.begin if found else None for r, found in zip(records, sisters, strict=True)]
    return [record.begin for record in records]


def _names(chosen: Sequence[Chosen], features: Sequence[str] | None) -> list[str]:
    """The columns that the table has."""
    if features is not None:
        return list(dict.fromkeys(features))
    every = (name for one in chosen for name in _measured(one))
    return list(dict.fromkeys(every))


def _measured(one: Chosen) -> dict[str, FloatArray]:
    columns = with_units(one.rows, one.movie.pixel_size, one.movie.minutes_per_frame)
    return {n: c.astype(np.float64) for n, c in columns.items() if n not in ("frame", "label", "minutes")}


def _course(one: Chosen, origin: int, names: Sequence[str], wish: Wish) -> Course:
    """The rows of one track.

    Raises:
        InputError: a feature was not measured.
    """
    columns = _measured(one)
    unknown = [] if wish.features is None else [name for name in names if name not in columns]
    if unknown:
        raise InputError(
            f"{unknown[0]!r} was not measured",
            place=f"track {one.record.id}",
            remedy=f"ask for any of {', '.join(columns)}",
        )
    stacked = np.full((len(one.rows), len(names)), np.nan)
    for index, name in enumerate(names):
        stacked[:, index] = columns.get(name, np.nan)
    frames, values = every_frame(one.rows.frame, stacked)  # (M,), (M, F)
    if wish.smooth:
        values = smoothed(values, wish.smooth)
    grid = grid_of(wish.resample, one.movie)
    if grid:
        at = grid.frames(one.record.begin, one.record.end, origin)
        frames, values = at, interpolated(frames, values, at, grid.max_gap)
    seen = np.isin(frames, one.rows.frame)
    rows = np.ones(len(frames), np.bool_) if grid or wish.gaps else seen
    course = partial(Course, one.record.id, one.movie.minutes_per_frame, origin)
    return course(frames[rows], seen[rows], values[rows])


def _table(
    courses: Sequence[Course], names: Sequence[str], left_out: Sequence[int], *, aligned: bool
) -> TimeCourses:
    frames = np.concatenate([course.frame for course in courses]) if courses else np.empty(0)
    since = [course.frame - (course.origin or 0) for course in courses]
    relative = np.concatenate(since) if since else np.empty(0)
    interval = [course.minutes_per_frame or np.nan for course in courses]
    minutes = np.repeat(interval, [len(course.frame) for course in courses]) if courses else np.empty(0)
    values = np.concatenate([course.values for course in courses]) if courses else np.empty((0, len(names)))
    return TimeCourses(
        track=[strawberry.ID(str(course.track)) for course in courses for _ in range(len(course.frame))],
        frame=frames.tolist(),
        minutes=plain(frames * minutes),
        relative_frame=relative.tolist() if aligned else None,
        relative_minutes=plain(relative * minutes) if aligned else None,
        seen=[seen for course in courses for seen in course.seen.tolist()],
        columns=[
            FeatureColumn(name=name, unit=UNITS.get(name), values=plain(values[:, index]))
            for index, name in enumerate(names)
        ],
        left_out=[strawberry.ID(str(track)) for track in left_out],
    )
