"""A tracking into the store, whole or not at all, and out of it again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from graph import batches, lease, write
from graph.batches import TrackRows, id_ranges
from graph.connection import Connection
from graph.lease import Claim
from graph.pixels import PixelStore, UnnamedLabels
from graph.score_writer import ScoreWriter
from ingest.errors import CellkinError, ConflictError
from ingest.progress import Progress
from ingest.tracking_graph import TrackingGraph


class TrackingWriter:
    """Writes and removes trackings in many transactions, hidden until, and from, one of them.

    Who dies on the way leaves a hidden rest, which the next writer of the same tracking or `sweep` removes.
    """

    def __init__(self, connection: Connection, pixels: PixelStore) -> None:
        self._connection = connection
        self._pixels = pixels
        self._scores = ScoreWriter(connection)

    def write(
        self,
        tracking_id: str,
        movie_id: str,
        graph: TrackingGraph,
        labels: UnnamedLabels | None,
        properties: Mapping[str, Any],
        progress: Progress,
        *,
        imported: bool = False,
    ) -> None:
        """Write a tracking, unless it is there.

        Args:
            tracking_id: of which.
            movie_id: of its movie.
            graph: what to write.
            labels: its label images, if any.
            properties: of its node.
            progress: told of each batch.
            imported: its rows are there already, under the next number.

        Raises:
            ConflictError: another writer is at it.
            NotFoundError: there is no such movie.
        """
        writer = lease.new_writer()
        claim = partial(lease.claim, movie_id=movie_id, writer=writer, properties=properties)
        held = self._connection.write(lambda tx: claim(tx, tracking_id))
        with self._letting_go(held):
            if not held.ready:
                self._empty(held, progress)
                self._pixels.delete(tracking_id)  # what is left of a removal that was cut short
            if labels is not None:  # a complete tracking may still lack them in this data folder
                self._pixels.keep(labels, tracking_id)
            if not held.ready:
                self._fill(held, graph, progress, imported=imported)

    def remove(self, tracking_id: str, progress: Progress) -> None:
        """Remove a tracking, complete or not, with its scores and label images; hidden at once.

        Raises:
            ConflictError: another writer is at it.
        """
        writer = lease.new_writer()
        held = self._connection.write(lambda tx: lease.claim_for_removal(tx, tracking_id, writer))
        if held is None:
            return
        with self._letting_go(held):
            self._scores.remove_of_tracking(held.number, progress)
            self._empty(held, progress)
            self._pixels.delete(tracking_id)
            self._connection.write(partial(write.delete_tracking, held=held))

    def abandoned(self) -> list[str]:
        """Ids of the trackings that dead writers left unfinished."""
        return self._connection.read(lease.abandoned)

    def sweep(self, progress: Progress) -> list[str]:
        """Remove what dead writers left; the ids of these trackings."""
        swept = []
        for tracking_id in self.abandoned():
            with suppress(ConflictError):  # somebody alive has come to it first
                self.remove(tracking_id, progress)
                swept.append(tracking_id)
        self._scores.sweep(progress)
        self._pixels.sweep()
        return swept

    def _fill(self, held: Claim, graph: TrackingGraph, progress: Progress, *, imported: bool) -> None:
        if imported:
            for span in id_ranges(held.number, len(graph.tracks), batches.WRITE_ROWS):
                self._connection.write(partial(write.adopt_tracks, held=held, span=span))
        else:
            self._create(held, graph, progress)
        self._connection.write(partial(write.show, held=held, graph=graph))

    def _create(self, held: Claim, graph: TrackingGraph, progress: Progress) -> None:
        rows = TrackRows(graph, held.number)
        for batch in progress(list(rows.batches()), "Writing tracks"):
            columns = rows.columns(batch)
            self._connection.write(partial(write.create_tracks, held=held, columns=columns))
        for divisions in rows.divisions():
            self._connection.write(partial(write.create_divisions, held=held, columns=divisions))

    def _empty(self, held: Claim, progress: Progress) -> None:
        """Remove the rows of a tracking, whatever there is of them."""
        rows = ((write.DELETE_DETECTIONS, held.detections), (write.DELETE_TRACKS, held.tracks))
        steps = [(query, s) for query, n in rows for s in id_ranges(held.number, n, batches.WRITE_ROWS)]
        for query, span in progress(steps, "Removing tracks") if steps else ():
            self._connection.write(partial(write.delete_rows, held=held, query=query, span=span))

    @contextmanager
    def _letting_go(self, held: Claim) -> Iterator[None]:
        """After a failure, Ctrl-C included, spare the next writer the wait for the lease to end."""
        try:
            with lease.held_by(held.writer):
                yield
        except BaseException:
            with suppress(CellkinError):
                self._connection.write(partial(lease.let_go, held=held))
                lease.forget(held)
            raise
