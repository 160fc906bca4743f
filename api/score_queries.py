"""Scores in GraphQL: found, computed, stored, removed, and side by side in a table."""

from functools import partial
from typing import Annotated

import strawberry
from anyio import to_thread

from api.context import Info
from api.fields import Cost, ListSize, described, resolved
from api.score_table import stored_table
from api.scores import Score, ScoreRow
from api.scoring import score_of_stored, score_stored
from graph.scores.aogm import CHALLENGE_WEIGHTS
from graph.scores.parameters import DEFAULT_TOLERANCE, ScoreParameters

COMPUTING = Cost(weight="50000")
"""Both trackings and all their label images are read; an answer may hold four such fields."""
WEIGHTS = {operation.value: weight for operation, weight in CHALLENGE_WEIGHTS.items()}


@strawberry.input(description="Cost of each operation that AOGM counts; those of the challenge by default.")
class WeightsInput:
    """Cost of each operation that AOGM counts."""

    ns: float = strawberry.field(description="Of a detection to split.", name="NS", default=WEIGHTS["NS"])
    fn: float = strawberry.field(description="Of a detection to add.", name="FN", default=WEIGHTS["FN"])
    fp: float = strawberry.field(description="Of a detection to delete.", name="FP", default=WEIGHTS["FP"])
    ed: float = strawberry.field(description="Of a link to delete.", name="ED", default=WEIGHTS["ED"])
    ea: float = strawberry.field(description="Of a link to add.", name="EA", default=WEIGHTS["EA"])
    ec: float = strawberry.field(description="Of a link to change.", name="EC", default=WEIGHTS["EC"])


Tolerance = Annotated[
    int, strawberry.argument(description="Frames by which a division may be early or late.")
]


@described
class ScoreQueries:
    """Scores of trackings."""

    @resolved(COMPUTING)
    async def score(
        self,
        info: Info,
        computed: strawberry.ID,
        reference: strawberry.ID,
        weights: WeightsInput | None = None,
        tolerance: Tolerance = DEFAULT_TOLERANCE,
    ) -> Score | None:
        """A computed tracking against a reference: as stored, else computed now and not stored.

        Any two trackings of one movie: a prediction against the truth, two predictions, before and after a
        correction.
        """
        chosen = _parameters(weights, tolerance)
        find = partial(info.context.store.find_score, computed, reference, chosen)
        found = await to_thread.run_sync(find)
        if found is not None:
            return Score.of(found)
        work = partial(score_of_stored, info.context.store, computed, reference, chosen)
        result = await to_thread.run_sync(work, limiter=info.context.scoring)
        return Score.unstored(computed, reference, result)

    @resolved(ListSize(assumed_size=100))
    async def score_table(
        self, info: Info, movies: list[strawberry.ID] | None = None, trackers: list[str] | None = None
    ) -> list[ScoreRow]:
        """Stored scores against ground truths: a row a movie and tracker, then each tracker's mean and pool.

        Only scores with the usual weights and tolerance. `movies` and `trackers` leave the others out.
        """
        rows = await to_thread.run_sync(stored_table, info.context.store, movies, trackers)
        return [ScoreRow.of(row) for row in rows]


@described
class ScoreMutations:
    """Scores of trackings."""

    @resolved(COMPUTING)
    async def store_score(
        self,
        info: Info,
        computed: strawberry.ID,
        reference: strawberry.ID,
        weights: WeightsInput | None = None,
        tolerance: Tolerance = DEFAULT_TOLERANCE,
        anew: bool = False,
    ) -> Score:
        """Score a tracking against another of its movie, and store the score with all its errors.

        One that is stored already is found; it is computed again where `anew` is true, or where this cellkin
        defines a measure in another way.
        """
        chosen = _parameters(weights, tolerance)
        work = partial(score_stored, info.context.store, computed, reference, chosen, anew=anew)
        return Score.of(await to_thread.run_sync(work, limiter=info.context.scoring))

    @resolved()
    async def delete_score(self, info: Info, id: strawberry.ID) -> strawberry.ID:  # noqa: A002
        """Remove a stored score with its errors; gives back its id."""
        await to_thread.run_sync(info.context.store.delete_score, id)
        return id


def _parameters(weights: WeightsInput | None, tolerance: int) -> ScoreParameters:
    """What the client asks for.

    Raises:
        InputError: a weight or a tolerance that cannot be.
    """
    given = {} if weights is None else {name: getattr(weights, name.lower()) for name in WEIGHTS}
    return ScoreParameters.with_weights(given, tolerance)
