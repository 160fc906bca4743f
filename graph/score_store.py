"""The part of the store that keeps scores: written, found again, listed, with their errors."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from graph import stored_errors, stored_scores
from graph.connection import Connection
from graph.content import score_id
from graph.fitting import require_one_movie
from graph.records import ErrorFilter, ErrorRecord, ScoreRecord, Table, TrackingRecord
from graph.score_writer import ScoreWriter
from graph.scores.errors import ListedErrors, no_errors
from graph.scores.parameters import ScoreParameters
from ingest.errors import NotFoundError
from ingest.progress import Progress, silent


class ScoreStore(ABC):
    """Scores of trackings, in the database of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._scores = ScoreWriter(connection)

    @abstractmethod
    def tracking(self, tracking_id: str) -> TrackingRecord:
        """One complete tracking."""

    def write_score(
        self,
        computed: str,
        reference: str,
        table: Table,
        *,
        errors: ListedErrors | None = None,
        parameters: ScoreParameters | None = None,
        created: datetime | None = None,
        progress: Progress = silent,
    ) -> ScoreRecord:
        """Store what a tracking scores against another, in place of an older score of the two.

        Args:
            computed: id of the tracking that is judged.
            reference: id of what is taken as the truth, of the same movie.
            table: every measure by its name, as `Score.as_dict` gives it.
            errors: of the two trackings as the store gives them; None to store no errors.
            parameters: what it was computed with; other ones make another score of the two.
            created: when it was written, of one that a backup has; None for now.
            progress: told of each batch of errors.

        Raises:
            NotFoundError: there is no such tracking.
            InputError: they are of two movies.
            ConflictError: a tracking is removed meanwhile; nothing of the score is visible.
        """
        judged, truth = self.tracking(computed), self.tracking(reference)
        require_one_movie(judged, truth)
        listed, chosen = errors or no_errors(), parameters or ScoreParameters()
        new_id = self._scores.write(judged, truth, table, listed, chosen, progress, created)
        return self.score(new_id)

    def delete_score(self, score_id: str, progress: Progress = silent) -> None:
        """Remove a score with its errors; hidden at once.

        Raises:
            NotFoundError: there is no such score.
        """
        self._scores.remove(self.score(score_id).number, progress)

    def scores(self, tracking_ids: Sequence[str]) -> list[ScoreRecord]:
        """All scores that these trackings take part in, computed or reference, the oldest first."""
        return self._connection.read(partial(stored_scores.of_trackings, trackings=tracking_ids))

    def scores_by_id(self, ids: Sequence[str]) -> dict[str, ScoreRecord]:
        """The scores of these ids, by id."""
        return {score.id: score for score in self._connection.read(partial(stored_scores.by_id, ids=ids))}

    def score(self, score_id: str) -> ScoreRecord:
        """One score.

        Raises:
            NotFoundError: there is none of this id.
        """
        if found := self.scores_by_id([score_id]):
            return found[score_id]
        raise NotFoundError(
            f"no score {score_id!r}",
            place="the store",
            remedy="GraphQL lists all: { movies { trackings { scores { id } } } }",
        )

    def find_score(
        self, computed: str, reference: str, parameters: ScoreParameters | None = None
    ) -> ScoreRecord | None:
        """What a tracking scores against another, if that has been stored."""
        wanted = score_id(computed, reference, (parameters or ScoreParameters()).as_dict())
        return self.scores_by_id([wanted]).get(wanted)

    def errors(
        self, score_id: str, wanted: ErrorFilter | None = None, *, after: int | None = None, first: int = 100
    ) -> list[ErrorRecord]:
        """Some errors of a score, by frame.

        Args:
            score_id: of which.
            wanted: which of them; all when None.
            after: only those with a larger id: the last one of the page before.
            first: how many at most.

        Raises:
            NotFoundError: there is no such score.
        """
        ask = partial(stored_errors.page, number=self.score(score_id).number)
        return self._connection.read(partial(ask, wanted=wanted or ErrorFilter(), after=after, first=first))
