"""A score with its errors into the store, whole or not at all, and out of it again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any

from graph import stored_errors, stored_scores
from graph.batches import id_ranges
from graph.connection import Connection
from graph.content import score_id
from graph.lease import new_writer
from graph.records import TrackingRecord
from graph.scores.errors import ListedErrors
from graph.scores.parameters import ScoreParameters
from graph.stored_scores import ScoreClaim
from ingest.errors import CellkinError
from ingest.progress import Progress


class ScoreWriter:
    """Writes and removes scores in many transactions, hidden until, and from, one of them.

    Who dies on the way leaves a hidden rest, which the next writer of a score or `sweep` removes.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(
        self,
        computed: TrackingRecord,
        reference: TrackingRecord,
        table: Mapping[str, Any],
        listed: ListedErrors,
        parameters: ScoreParameters,
        progress: Progress,
        created: datetime | None = None,
    ) -> str:
        """Write a score in the place of an older one of the same trackings and parameters; its id.

        Raises:
            ConflictError: a tracking is removed meanwhile.
        """
        self.sweep(progress)
        writer = new_writer()
        content = stored_scores.content_of(table, parameters, listed.errors.counts)
        claim = partial(stored_scores.claim, computed=computed.id, reference=reference.id)
        held = self._connection.write(partial(claim, writer=writer, content=content))
        new_id = score_id(computed.id, reference.id, parameters.as_dict())
        with self._tidying(held):
            rows = stored_errors.ErrorRows(listed, held.number, reference.first_id, computed.first_id)
            for columns in progress(rows.batches(), "Storing errors", rows.count):
                self._connection.write(partial(stored_scores.create_errors, held=held, columns=columns))
            show = partial(stored_scores.show, held=held, score_id=new_id, errors=len(listed.errors))
            self._connection.write(partial(show, created=created))
        for number in self._connection.read(partial(stored_scores.hidden_by, writer=writer)):
            self.remove(number, progress)
        return new_id

    def remove(self, number: int, progress: Progress) -> None:
        """Remove a score, complete or not, with its errors; hidden at once."""
        hide = partial(stored_scores.hide, number=number, writer=new_writer())
        held, errors = self._connection.write(hide)
        with self._tidying(held):
            spans = list(id_ranges(number, errors, stored_errors.BATCH_ERRORS))
            for span in progress(spans, "Removing errors") if spans else ():
                self._connection.write(partial(stored_scores.delete_errors, span=span))
            self._connection.write(partial(stored_scores.delete, held=held))

    def remove_of_tracking(self, tracking_number: int, progress: Progress) -> None:
        """Remove all scores that a tracking takes part in."""
        for number in self._connection.read(partial(stored_scores.of_tracking, number=tracking_number)):
            self.remove(number, progress)

    def abandoned(self) -> list[int]:
        """Numbers of the scores that dead writers left unfinished."""
        return self._connection.read(stored_scores.abandoned)

    def sweep(self, progress: Progress) -> None:
        """Remove what dead writers left."""
        for number in self.abandoned():
            self.remove(number, progress)

    @contextmanager
    def _tidying(self, held: ScoreClaim) -> Iterator[None]:
        """After a failure, Ctrl-C included, let the next writer remove what is left at once."""
        try:
            yield
        except BaseException:
            with suppress(CellkinError):
                self._connection.write(partial(stored_scores.let_go, held=held))
            raise
