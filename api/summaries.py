"""GraphQL types of numbers that describe many: a summary, a histogram, a correlation."""

import numpy as np
import strawberry

from api.fields import ListSize, described, from_record, value
from graph import correlation as correlations
from ingest.errors import InputError
from ingest.tracking_graph import FloatArray, IntArray

BINS = ListSize(assumed_size=30)


@described
class Summary:
    """What describes many values, all in their unit; null where there are too few."""

    n: int = value("How many values.")
    mean: float | None = value("Their mean.")
    sd: float | None = value("Their standard deviation, with n − 1; null of fewer than two.")
    min: float | None = value("The smallest.")
    first_quartile: float | None = value("A quarter of them is below, by linear interpolation.")
    median: float | None = value("Half of them are below.")
    third_quartile: float | None = value("Three quarters of them are below.")
    max: float | None = value("The largest.")

    @classmethod
    def of(cls, values: IntArray | FloatArray) -> "Summary":
        """The summary of (N,) values."""
        n = len(values)
        if not n:
            return cls(
                n=0,
                mean=None,
                sd=None,
                min=None,
                first_quartile=None,
                median=None,
                third_quartile=None,
                max=None,
            )
        low, quarter, half, three, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist()
        return cls(
            n=n,
            mean=float(values.mean()),
            sd=float(values.std(ddof=1)) if n > 1 else None,
            min=low,
            first_quartile=quarter,
            median=half,
            third_quartile=three,
            max=high,
        )


@described
class Histogram:
    """How many lengths fall into each bin, from the shortest that occurs to the longest, empty bins too."""

    frames: list[int] = value("Where each bin begins, frames; it ends before the next.", BINS)
    minutes: list[float] | None = value(
        "Where each bin begins, min; null without the movie's interval.", BINS
    )
    counts: list[int] = value("How many lengths are in each bin.", BINS)

    @classmethod
    def of(cls, lengths: IntArray, width: int, minutes_per_frame: float | None) -> "Histogram":
        """The histogram of (N,) lengths in frames.

        Raises:
            InputError: a width below 1.
        """
        if width < 1:
            raise InputError(f"bins of {width} frames", place="binFrames", remedy="give 1 or more")
        first = int(lengths.min()) // width if len(lengths) else 0
        counts = np.bincount(lengths // width - first).tolist()
        frames = [(first + index) * width for index in range(len(counts))]
        minutes = None if minutes_per_frame is None else [frame * minutes_per_frame for frame in frames]
        return cls(frames=frames, minutes=minutes, counts=counts)


@described
class Correlation:
    """How alike two values are over pairs of cells: 1 on a rising line, 0 unrelated, −1 on a falling one."""

    n: int = value("Pairs in which both values are known.")
    pearson: float | None = value(
        "The correlation coefficient; null of fewer than three pairs, or where a value is always the same."
    )
    spearman: float | None = value("The correlation coefficient of the ranks; null likewise.")

    @classmethod
    def of(cls, one: FloatArray, other: FloatArray, *, ordered: bool) -> "Correlation":
        """The correlation of values (P,) of each pair; `ordered` where it matters who is who."""
        return from_record(cls, correlations.correlation(one, other, ordered=ordered))


def ids(tracks: IntArray) -> list[strawberry.ID]:
    """Ids as GraphQL has them."""
    return [strawberry.ID(str(track)) for track in tracks.tolist()]


def minutes_of(frames: IntArray, minutes_per_frame: float | None) -> list[float] | None:
    """Times or lengths in minutes; None without the movie's interval."""
    if minutes_per_frame is None:
        return None
    minutes: list[float] = (frames * minutes_per_frame).tolist()
    return minutes
