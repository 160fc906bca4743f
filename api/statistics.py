"""GraphQL types of what a tracking shows as a whole: growth, divisions, cell cycles, survival."""

import numpy as np
import strawberry

from api.cells import plain
from api.certainty import LOOK_AT_TRACKS
from api.context import Info
from api.fields import Cost, ListSize, described, resolved, value
from api.related_pairs import Kinship, RelatedPairs, related_pairs
from api.summaries import Histogram, Summary, ids, minutes_of
from graph.records import TrackingRecord
from graph.relatives import Lives
from graph.survival import kaplan_meier
from ingest.tracking_graph import IntArray

FRAMES = ListSize(assumed_size=100)
CELLS = ListSize(assumed_size=100)
LOOK_AT_DETECTIONS = Cost(weight="10000")
"""The detections of all tracks may be looked at: about a million in some seconds."""


@described
class FrameCounts:
    """How many cells there are in each frame of a movie, as columns, and what becomes of them."""

    frame: list[int] = value("Zero-based frames, all of the movie.", FRAMES)
    minutes: list[float] | None = value("Time since frame 0, min; null without the movie's interval.", FRAMES)
    detections: list[int] = value("Cells that are seen.", FRAMES)
    divisions: list[int] = value("Mothers that are last seen in it.", FRAMES)
    begins: list[int] = value(
        "Tracks that begin in it without a mother; in frame 0 the cells that were there before.", FRAMES
    )
    losses: list[int] = value(
        "Tracks that end in it without a daughter; in the last frame the cells that outlive the movie.",
        FRAMES,
    )
    division_rate: list[float | None] = value(
        "Divisions for each cell that is seen; null where none is.", FRAMES
    )


@described
class DivisionRate:
    """How often a cell divides: the number of divisions, by the time for which cells were watched."""

    divisions: int = value("Divisions that were seen before the last frame.")
    cell_frames: int = value("Cells, each counted in every frame but the last, after which nothing is seen.")
    per_frame: float | None = value("Divisions for each cell and frame; null without cells.")
    per_hour: float | None = value("Divisions for each cell and hour; null without the movie's interval.")


@described
class CellCycles:
    """Cells that are seen from the division that they were born in to their own, as columns by id."""

    lives: strawberry.Private[Lives]
    minutes_per_frame: strawberry.Private[float | None]
    track: list[strawberry.ID] = value("Ids of their tracks.", CELLS)
    generation: list[int] = value("Number of their ancestors.", CELLS)
    frames: list[int] = value("Lengths of their cycles, frames.", CELLS)
    minutes: list[float] | None = value("Lengths, min; null without the movie's interval.", CELLS)

    @resolved()
    def summary_frames(self) -> Summary:
        """The lengths in frames, summarised; short cycles are seen more often, since a movie ends."""
        return Summary.of(self._lengths)

    @resolved()
    def summary_minutes(self) -> Summary | None:
        """The lengths in minutes, summarised; null without the movie's interval."""
        scale = self.minutes_per_frame
        return None if scale is None else Summary.of(self._lengths * np.float64(scale))

    @resolved()
    def histogram(self, bin_frames: int = 1) -> Histogram:
        """How many lengths there are in bins of so many frames."""
        return Histogram.of(self._lengths, bin_frames, self.minutes_per_frame)

    @property
    def _lengths(self) -> IntArray:
        """(C,) frames."""
        return self.lives.frames[self.lives.divided]


@described
class Survival:
    """The fraction of cells that has not divided by some age (Kaplan and Meier), as columns: its steps.

    Of all cells that were born in a division that was seen. Those that were lost, or outlive the movie, count
    until then.
    """

    cells: int = value("How many cells.")
    censored: int = value("Those of them that were lost, or outlive the movie, undivided.")
    frames: list[int] = value("Ages at which cells divided, frames.", CELLS)
    minutes: list[float] | None = value("These ages, min; null without the movie's interval.", CELLS)
    at_risk: list[int] = value("Cells that lived as long undivided.", CELLS)
    divided: list[int] = value("Those of them that divided at this age.", CELLS)
    fraction: list[float] = value("Fraction of cells that has not divided by then, 0..1.", CELLS)
    low: list[float | None] = value(
        "Lower bound of the fraction's 95 % confidence interval (Greenwood's variance, log-log scale); null "
        "where the fraction is 0.",
        CELLS,
    )
    high: list[float | None] = value("Its upper bound; null likewise.", CELLS)
    median_frames: int | None = value("Age by which half have divided, frames; null where fewer have.")
    median_minutes: float | None = value("That age, min; null likewise, and without the movie's interval.")


@described
class Statistics:
    """What a tracking shows as a whole."""

    record: strawberry.Private[TrackingRecord]

    @resolved(LOOK_AT_TRACKS)
    async def frames(self, info: Info) -> FrameCounts:
        """How many cells there are in each frame, and how many divide."""
        counts = await info.context.loaders.counts.load(self.record.id)
        frame = np.arange(len(counts))
        seen = np.where(counts.detections > 0, counts.detections, np.nan)
        return FrameCounts(
            frame=frame.tolist(),
            minutes=minutes_of(frame, await self._interval(info)),
            detections=counts.detections.tolist(),
            divisions=counts.divisions.tolist(),
            begins=counts.begins.tolist(),
            losses=counts.losses.tolist(),
            division_rate=plain(counts.divisions / seen),
        )

    @resolved(LOOK_AT_TRACKS)
    async def division_rate(self, info: Info) -> DivisionRate:
        """How often a cell divides, over the whole movie."""
        counts = await info.context.loaders.counts.load(self.record.id)
        divisions, watched = int(counts.divisions[:-1].sum()), int(counts.detections[:-1].sum())
        rate = divisions / watched if watched else None
        interval = await self._interval(info)
        hourly = None if rate is None or interval is None else rate * 60 / interval
        return DivisionRate(divisions=divisions, cell_frames=watched, per_frame=rate, per_hour=hourly)

    @resolved(LOOK_AT_TRACKS)
    async def cell_cycles(self, info: Info) -> CellCycles:
        """The lengths of whole cell cycles, from division to division."""
        lives = await info.context.loaders.lives.load(self.record.id)
        info.context.loaders.spend(int(lives.divided.sum()))
        interval, frames = await self._interval(info), lives.frames[lives.divided]
        return CellCycles(
            lives=lives,
            minutes_per_frame=interval,
            track=ids(lives.track[lives.divided]),
            generation=lives.generation[lives.divided].tolist(),
            frames=frames.tolist(),
            minutes=minutes_of(frames, interval),
        )

    @resolved(LOOK_AT_TRACKS)
    async def survival(self, info: Info) -> Survival:
        """The fraction of cells that has not divided by some age; cells that were lost count until then."""
        lives = await info.context.loaders.lives.load(self.record.id)
        curve, interval = kaplan_meier(lives.frames, lives.divided), await self._interval(info)
        median = curve.median
        return Survival(
            cells=len(lives),
            censored=int((~lives.divided).sum()),
            frames=curve.frames.tolist(),
            minutes=minutes_of(curve.frames, interval),
            at_risk=curve.at_risk.tolist(),
            divided=curve.divided.tolist(),
            fraction=curve.fraction.tolist(),
            low=plain(curve.low),
            high=plain(curve.high),
            median_frames=median,
            median_minutes=None if median is None or interval is None else median * interval,
        )

    @resolved(LOOK_AT_DETECTIONS)
    async def pairs(self, info: Info, kinship: Kinship, feature: str | None = None) -> RelatedPairs:
        """Mothers and daughters, or sisters: lengths, means of a feature, and the correlation of each."""
        return await related_pairs(info, self.record, kinship, feature)

    async def _interval(self, info: Info) -> float | None:
        return (await info.context.loaders.movie.load(self.record.movie_id)).minutes_per_frame
