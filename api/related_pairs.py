"""GraphQL types of pairs of related cells: lengths, means of a feature, and how much alike they are."""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial

import numpy as np
import strawberry
from anyio import to_thread

from api.cells import plain
from api.columns import UNITS, stored_feature
from api.context import Info
from api.fields import ListSize, described, value
from api.summaries import Correlation, ids, minutes_of
from graph.measured import require_measured
from graph.read import removed
from graph.records import MovieRecord, TrackingRecord
from graph.relatives import Pairs
from ingest.tracking_graph import BoolArray, FloatArray, IntArray

PAIRS = ListSize(assumed_size=100)


@strawberry.enum(
    description="How two cells are related: `MOTHER_DAUGHTER` a mother of two daughters or more and each of "
    "them, `SISTERS` every two daughters of one mother, so that three daughters are three pairs."
)
class Kinship(StrEnum):
    """How two cells are related."""

    MOTHER_DAUGHTER = "MOTHER_DAUGHTER"
    SISTERS = "SISTERS"


@described
class RelatedCells:
    """One cell of each pair, as columns."""

    track: list[strawberry.ID] = value("Id of its track.", PAIRS)
    frames: list[int] = value("Its length, frames.", PAIRS)
    minutes: list[float] | None = value("Its length, min; null without the movie's interval.", PAIRS)
    whole: list[bool] = value(
        "Whether it is seen from the division that it was born in to its own: its length is a cell cycle's.",
        PAIRS,
    )
    mean: list[float | None] | None = value(
        "Mean of the feature over its detections, null where it was not measured; null without `feature`.",
        PAIRS,
    )


@described
class RelatedPairs:
    """Pairs of related cells, a row a pair, and how much alike they are."""

    n: int = value("How many pairs there are.")
    one: RelatedCells = value("The mothers; of sisters the one with the smaller id.")
    other: RelatedCells = value("The daughters; of sisters the one with the larger id.")
    unit: str | None = value(
        "Unit of the feature; null for a pure number and for the movie's intensity unit."
    )
    length_correlation: Correlation = value(
        "Of the lengths of two whole cell cycles. Sisters count both ways round (intraclass correlation): "
        "which of them is called one says nothing."
    )
    mean_correlation: Correlation | None = value(
        "Of the means of the feature, over all pairs in which both are known; null without `feature`."
    )


async def related_pairs(
    info: Info, tracking: TrackingRecord, kinship: Kinship, feature: str | None
) -> RelatedPairs:
    """All pairs of a tracking, in two round trips.

    Raises:
        InputError: the feature was not measured.
        LimitError: they are too many.
        ConflictError: the tracking was removed in the meantime.
    """
    store, loaders = info.context.store, info.context.loaders
    movie = await loaders.movie.load(tracking.movie_id)
    name, scale = (None, 1.0) if feature is None else stored_feature(feature, movie)
    require_measured(tracking, name)
    read = store.sisters if kinship is Kinship.SISTERS else store.mothers_and_daughters
    pairs = await to_thread.run_sync(read, tracking.id)
    loaders.spend(len(pairs))
    means = None
    if name is not None:
        both = np.unique([pairs.one, pairs.other]).tolist()
        found = await to_thread.run_sync(partial(store.track_means, both, name))
        if len(found) < len(both):
            raise removed(tracking.id)
        means = [_looked_up(found, side) * scale for side in (pairs.one, pairs.other)]
    return _related(pairs, means, movie, UNITS.get(feature or ""), ordered=kinship is not Kinship.SISTERS)


def _looked_up(means: Mapping[int, float], tracks: IntArray) -> FloatArray:
    return np.array([means[track] for track in tracks.tolist()], np.float64)


def _related(
    pairs: Pairs, means: list[FloatArray] | None, movie: MovieRecord, unit: str | None, *, ordered: bool
) -> RelatedPairs:
    whole = pairs.whole
    lengths = pairs.one_frames[whole].astype(np.float64), pairs.other_frames[whole].astype(np.float64)
    one_mean, other_mean = means or (None, None)
    side = partial(_side, minutes_per_frame=movie.minutes_per_frame)
    return RelatedPairs(
        n=len(pairs),
        one=side(pairs.one, pairs.one_frames, pairs.one_whole, one_mean),
        other=side(pairs.other, pairs.other_frames, pairs.other_whole, other_mean),
        unit=unit,
        length_correlation=Correlation.of(*lengths, ordered=ordered),
        mean_correlation=None if means is None else Correlation.of(*means, ordered=ordered),
    )


def _side(
    track: IntArray,
    frames: IntArray,
    whole: BoolArray,
    mean: FloatArray | None,
    *,
    minutes_per_frame: float | None,
) -> RelatedCells:
    return RelatedCells(
        track=ids(track),
        frames=frames.tolist(),
        minutes=minutes_of(frames, minutes_per_frame),
        whole=whole.tolist(),
        mean=None if mean is None else plain(mean),
    )
