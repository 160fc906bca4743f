"""Conditions on measured features: between two values, and in which order."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf, isnan
from typing import Any

import numpy as np

from graph.records import TimeSeries, TrackingRecord
from ingest.errors import InputError
from ingest.tracking_graph import FloatArray

Key = tuple[float, int]
"""Where a thing stands in its order: what it is sorted by, then an id. What is not known comes last: ∞."""
PLACE = ("y", "x")
"""What every detection has, whatever was measured: its centroid in pixels."""


@dataclass(frozen=True)
class FeatureRange:
    """A measured feature between two values; what was not measured is not between them.

    Attributes:
        feature: its name, such as `mean_0`; `y` and `x` too.
        least, most: both inclusive, in the feature's unit.

    Raises:
        InputError: no value is between them.
    """

    feature: str
    least: float = -inf
    most: float = inf

    def __post_init__(self) -> None:
        if isnan(self.least) or isnan(self.most) or self.least > self.most:
            raise InputError(
                f"{self.feature!r} from {self.least:g} to {self.most:g}",
                place="a range of a feature",
                remedy="give the smaller value first",
            )


@dataclass(frozen=True)
class FeatureOrder:
    """Detections by a measured feature, those without it last.

    Attributes:
        feature: its name; `y` and `x` too.
        descending: the largest first.
    """

    feature: str
    descending: bool = False

    @property
    def sign(self) -> float:
        """What the values are multiplied with, so that they ascend."""
        return -1.0 if self.descending else 1.0

    def keys(self, rows: TimeSeries) -> FloatArray:
        """(N,) what each row is sorted by, before its id."""
        places = {"y": rows.y, "x": rows.x}
        values = self.sign * (places.get(self.feature, rows.features.get(self.feature, np.array(np.nan))))
        keys: FloatArray = np.where(np.isnan(values), inf, values)
        return keys


def require_measured(tracking: TrackingRecord, *names: str | None) -> None:
    """Refuse a feature that a tracking's detections do not have; None is none.

    Raises:
        InputError: names those that they have.
    """
    for name in names:
        if name is not None and name not in (*tracking.features, *PLACE):
            raise unknown_feature(name, tracking)


def unknown_feature(name: str, tracking: TrackingRecord) -> InputError:
    """What to tell who asks for a feature that was not measured."""
    return InputError(
        f"no feature is called {name!r}",
        place=f"tracking {tracking.id}",
        remedy=f"its features are {', '.join(tracking.features) or 'none'}",
    )


def range_parameters(ranges: Sequence[FeatureRange]) -> list[dict[str, Any]]:
    """As Cypher takes them."""
    return [asdict(wanted) for wanted in ranges]


def behind(after: Key | None) -> dict[str, float | int]:
    """The parameters of a statement that gives what follows a key: `$after_key`, `$after_id`, `$last`."""
    key, thing = after or (-inf, -1)
    return {"after_key": key, "after_id": thing, "last": inf}
