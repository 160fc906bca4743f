"""Inputs of GraphQL: which tracks and detections are wanted by what was measured, and in what order."""

from collections.abc import Sequence
from math import inf

import strawberry

from api.columns import stored_feature, stored_range, stored_rise
from graph import measured, track_pages
from graph.records import MovieRecord
from graph.track_pages import TrackKey
from graph.windows import Window
from ingest.errors import InputError

strawberry.enum(
    TrackKey,
    name="TrackKey",
    description="What tracks are sorted by: `BEGIN` and `END` the frames of the first and last detection, "
    "`LIFETIME` the frames from one to the other, `GENERATION` the number of ancestors, `MEAN` the mean of a "
    "measured feature, tracks without it last.",
)
FEATURE = (
    "Name of the feature, as in `Tracking.features`; `y` and `x` (pixel) too, and `area_um2`, "
    "`perimeter_um`, `y_um`, `x_um` where the movie's pixel size is known."
)


@strawberry.input(description="A measured feature between two values, both included.")
class FeatureRange:
    """A measured feature between two values, both included."""

    feature: str = strawberry.field(description=FEATURE)
    least: float | None = strawberry.field(
        description="In the feature's unit; no bound by default.", default=None
    )
    most: float | None = strawberry.field(
        description="In the feature's unit; no bound by default.", default=None
    )


@strawberry.input(description="A measured feature that grows along a track.")
class FeatureRise:
    """A measured feature that grows along a track."""

    feature: str = strawberry.field(description=FEATURE)
    factor: float = strawberry.field(
        description="Mean of the last three values divided by that of the first three, at least; of a track "
        "with fewer than six values, of its halves."
    )


@strawberry.input(
    description="A part of every frame, in pixels, the end exclusive; a cell is where its centroid is."
)
class Box:
    """A part of every frame."""

    y0: float = strawberry.field(description="First row, pixel.")
    x0: float = strawberry.field(description="First column, pixel.")
    y1: float = strawberry.field(description="Row after the last, pixel.")
    x1: float = strawberry.field(description="Column after the last, pixel.")


@strawberry.input(description="How tracks are sorted; of equal ones the older first.")
class TrackOrder:
    """How tracks are sorted."""

    by: TrackKey = strawberry.field(description="What they are sorted by.")
    feature: str | None = strawberry.field(description=f"With `MEAN` alone. {FEATURE}", default=None)
    descending: bool = strawberry.field(description="The largest first.", default=False)


@strawberry.input(description="Detections by a measured feature, those without it last.")
class DetectionOrder:
    """Detections by a measured feature, those without it last."""

    feature: str = strawberry.field(description=FEATURE)
    descending: bool = strawberry.field(description="The largest first.", default=False)


def ranges_of(wanted: Sequence[FeatureRange] | None, movie: MovieRecord) -> tuple[measured.FeatureRange, ...]:
    """Ranges of stored features.

    Raises:
        InputError: no value is in one of them.
    """
    return tuple(
        stored_range(
            each.feature,
            -inf if each.least is None else each.least,
            inf if each.most is None else each.most,
            movie,
        )
        for each in wanted or ()
    )


def rise_of(wanted: FeatureRise | None, movie: MovieRecord) -> track_pages.Rise | None:
    """The rise of a stored feature, if one is wanted."""
    return None if wanted is None else stored_rise(wanted.feature, wanted.factor, movie)


def track_order_of(order: TrackOrder, movie: MovieRecord) -> track_pages.TrackOrder:
    """The order by a stored feature, which is the same in any unit.

    Raises:
        InputError: `MEAN` without a feature, or a feature without `MEAN`.
    """
    feature = None if order.feature is None else stored_feature(order.feature, movie)[0]
    return track_pages.TrackOrder(order.by, feature, order.descending)


def window_of(frames: tuple[int, int] | None, box: Box | None) -> Window:
    """The window of some frames, by default all, and a box in them.

    Raises:
        InputError: it holds nothing.
    """
    return Window.of(frames, None if box is None else (box.y0, box.x0, box.y1, box.x1))


def require_counts(**counts: int | None) -> None:
    """Refuse what is counted from 0 and below it.

    Raises:
        InputError: names the argument.
    """
    for name, value in counts.items():
        if value is not None and value < 0:
            raise InputError(f"{name} is {value}", remedy="give 0 or more")
