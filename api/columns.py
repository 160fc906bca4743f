"""The columns of detections that a user gets: what was measured, and the same in minutes and µm."""

import numpy as np
import numpy.typing as npt

from graph.measured import FeatureRange
from graph.records import MovieRecord, TimeSeries
from graph.track_pages import Rise
from ingest.measure import CALIBRATED
from ingest.tracking_graph import Detections

Column = npt.NDArray[np.int64] | npt.NDArray[np.float64]

UNITS = {
    "minutes": "min",
    **dict.fromkeys(("y", "x", "area", "perimeter", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"), "pixel"),
    **dict.fromkeys(("y_um", "x_um", "perimeter_um"), "µm"),
    "area_um2": "µm²",
}
"""Unit of each column that has one (docs/glossary.md); intensities are in the movie's own."""
SLACK = 1e-12
"""Share of a bound by which a value may lie beyond it."""


def with_units(
    detections: Detections | TimeSeries, pixel_size: float | None, minutes_per_frame: float | None
) -> dict[str, Column]:
    """Every column of some detections, also in minutes and µm where the movie is calibrated.

    Args:
        detections: of N cells.
        pixel_size: µm a pixel.
        minutes_per_frame: minutes.

    Returns:
        name → (N,): frame, label, minutes, y, x, the features, and y_um, x_um, area_um2, perimeter_um.
    """
    columns: dict[str, Column] = {"frame": detections.frame, "label": detections.label}
    if minutes_per_frame is not None:
        columns["minutes"] = detections.frame * np.float64(minutes_per_frame)
    measured = {"y": detections.y, "x": detections.x, **detections.features}
    columns |= measured
    if pixel_size is not None:
        for name, (calibrated, power) in CALIBRATED.items():
            if name in measured:
                columns[calibrated] = measured[name] * pixel_size**power
    return columns


def stored_feature(feature: str, movie: MovieRecord) -> tuple[str, float]:
    """The stored feature that one is computed from, and what it is multiplied with."""
    for name, (calibrated, power) in CALIBRATED.items():
        if feature == calibrated and movie.pixel_size is not None:
            return name, movie.pixel_size**power
    return feature, 1.0


def stored_rise(feature: str, factor: float, movie: MovieRecord) -> Rise:
    """The rise of the stored feature, which is the same in any unit."""
    return Rise(stored_feature(feature, movie)[0], factor)


def stored_range(feature: str, least: float, most: float, movie: MovieRecord) -> FeatureRange:
    """A range of a feature, in the feature's own unit, as a range of the stored one, a little wider.

    What is shown has been multiplied with the unit, or is a mean that was summed in another order: its last
    digits may differ, and still it is found when it is given back as a bound.

    Raises:
        InputError: no value is in it.
    """
    stored, unit = stored_feature(feature, movie)
    low, high = least / unit, most / unit
    return FeatureRange(stored, low - SLACK * abs(low), high + SLACK * abs(high))
