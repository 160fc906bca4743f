"""GraphQL types of what was measured: detections as objects, time series as columns."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
import strawberry

from api.columns import UNITS, Column, with_units
from api.context import Info
from api.fields import ListSize, described, resolved, value
from graph.records import MovieRecord
from graph.records import TimeSeries as Rows
from ingest.errors import InputError

if TYPE_CHECKING:
    from api.lineages import Track

Values = list[float | None]
VALUES = ListSize(assumed_size=30)
"""Of about a hundred: a value in a column costs the service a third of a field of an object."""


@described
class BoundingBox:
    """The smallest rectangle around a cell, in pixels, the end exclusive."""

    y0: float = value("First row.")
    x0: float = value("First column.")
    y1: float = value("Row after the last.")
    x1: float = value("Column after the last.")


@described
class Intensity:
    """Brightness of one channel within a cell, in the movie's intensity unit."""

    channel: str = value("Name of the channel.")
    mean: float | None = value("Mean over the cell's pixels.")
    sd: float | None = value("Standard deviation over the cell's pixels.")


@described
class Detection:
    """One cell in one frame."""

    id: strawberry.ID = value("Its id.")
    frame: int = value("Zero-based frame.")
    minutes: float | None = value("Time since frame 0, min; null without the movie's interval.")
    label: int = value("Value of the cell in the frame's label image.")
    y: float = value("Row of the centroid, pixel.")
    x: float = value("Column of the centroid, pixel.")
    y_um: float | None = value("Row of the centroid, µm; null without the movie's pixel size.")
    x_um: float | None = value("Column of the centroid, µm; null without the movie's pixel size.")
    area: float | None = value("Area, pixels.")
    area_um2: float | None = value("Area, µm²; null without the movie's pixel size.")
    perimeter: float | None = value("Length of the outline, pixel.")
    perimeter_um: float | None = value("Length of the outline, µm; null without the movie's pixel size.")
    eccentricity: float | None = value("Of the ellipse with the same second moments, 0..1; 0 is a circle.")
    row: strawberry.Private[int]
    track_id: strawberry.Private[int]
    columns: strawberry.Private[Mapping[str, Values]]
    channels: strawberry.Private[Sequence[str]]

    @resolved()
    async def track(self, info: Info) -> Annotated["Track", strawberry.lazy("api.lineages")]:
        """The track that it belongs to."""
        from api.lineages import Track

        return Track.of(await info.context.loaders.track.load(self.track_id))

    @resolved()
    def bounding_box(self) -> BoundingBox | None:
        """The smallest rectangle around the cell."""
        edges = {name: self._value(f"bbox_{name}") for name in ("y0", "x0", "y1", "x1")}
        return None if None in edges.values() else BoundingBox(**edges)  # type: ignore[arg-type]

    @resolved(ListSize(assumed_size=2))
    def intensities(self) -> list[Intensity]:
        """Brightness of each channel."""
        return [
            Intensity(channel=name, mean=self._value(f"mean_{index}"), sd=self._value(f"sd_{index}"))
            for index, name in enumerate(self.channels)
        ]

    @resolved()
    def feature(self, name: str) -> float | None:
        """Any measured feature by its name, such as `sd_1`; null where it was not measured."""
        return self._value(name)

    def _value(self, name: str) -> float | None:
        column = self.columns.get(name)
        return None if column is None else column[self.row]


@described
class FeatureColumn:
    """One feature over a cell's life."""

    name: str = value("Name of the feature.")
    unit: str | None = value("Its unit; null for a pure number and for the movie's intensity unit.")
    values: list[float | None] = value("A value a detection; null where it was not measured.", VALUES)


@described
class TimeSeries:
    """What one cell's detections measured, as columns in the order of time."""

    track: strawberry.ID = value("Id of the cell's track.")
    frame: list[int] = value("Zero-based frames; one is left out where the cell was missed.", VALUES)
    minutes: list[float] | None = value("Time since frame 0, min; null without the movie's interval.", VALUES)
    label: list[int] = value("Values of the cell in the label images.", VALUES)
    columns: list[FeatureColumn] = value(
        "The features that were asked for, in that order; otherwise all.", ListSize(assumed_size=8)
    )


DETECTION_COLUMNS = (
    "frame",
    "minutes",
    "label",
    "y",
    "x",
    "y_um",
    "x_um",
    "area",
    "area_um2",
    "perimeter",
    "perimeter_um",
    "eccentricity",
)
"""In the order of the attributes of `Detection`."""


def plain(column: Column) -> Values:
    """A column as GraphQL takes it: null for what is not finite."""
    values: Values = column.tolist()
    return [value if finite else None for value, finite in zip(values, np.isfinite(column), strict=True)]


def detections_of(rows: Rows, movie: MovieRecord) -> list[Detection]:
    """An object a row."""
    columns = {
        name: plain(c) for name, c in with_units(rows, movie.pixel_size, movie.minutes_per_frame).items()
    }
    fields = {name: columns.get(name, [None] * len(rows)) for name in DETECTION_COLUMNS}
    return [
        Detection(
            id=strawberry.ID(str(i)),
            row=row,
            track_id=track,
            columns=columns,
            channels=movie.channels,
            **{name: values[row] for name, values in fields.items()},  # type: ignore[arg-type]
        )
        for row, (i, track) in enumerate(zip(rows.id.tolist(), rows.track.tolist(), strict=True))
    ]


async def detection_of(info: Info, detection: int) -> Detection:
    """The detection of an id.

    Raises:
        NotFoundError: there is none.
    """
    loaders = info.context.loaders
    rows = await loaders.detection.load(detection)
    track = await loaders.track.load(int(rows.track[0]))
    return detections_of(rows, await loaders.movie_of(track.tracking_id))[0]


def time_series_of(track: int, rows: Rows, movie: MovieRecord, features: Sequence[str] | None) -> TimeSeries:
    """The rows of one track as columns.

    Raises:
        InputError: a feature was not measured.
    """
    features = None if features is None else list(dict.fromkeys(features))
    columns = with_units(rows, movie.pixel_size, movie.minutes_per_frame)
    frame, label, minutes = columns.pop("frame"), columns.pop("label"), columns.pop("minutes", None)
    for name in features or ():
        if name not in columns:
            raise InputError(
                f"{name!r} was not measured",
                place=f"track {track}",
                remedy=f"ask for any of {', '.join(columns)}",
            )
    return TimeSeries(
        track=strawberry.ID(str(track)),
        frame=frame.tolist(),
        minutes=None if minutes is None else minutes.tolist(),
        label=label.tolist(),
        columns=[
            FeatureColumn(name=name, unit=UNITS.get(name), values=plain(columns[name]))
            for name in (columns if features is None else features)
        ],
    )
