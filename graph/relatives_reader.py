"""What can be asked of the store about relatives and lives; a part of everything that can be."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial

from graph import relatives
from graph.connection import Connection
from graph.records import TrackingRecord
from graph.relatives import Lives, Pairs


class RelativesReader(ABC):
    """Reads who is whose mother or sister, and how long cells live; each in one round trip."""

    _connection: Connection

    @abstractmethod
    def tracking(self, tracking_id: str) -> TrackingRecord:
        """One complete tracking.

        Raises:
            NotFoundError: there is none of this id.
        """

    def mothers_and_daughters(self, tracking_id: str) -> Pairs:
        """Every mother of two daughters or more with each of them; in one round trip.

        Raises:
            NotFoundError: there is no such tracking.
        """
        ask = partial(relatives.mothers_and_daughters, tracking=self.tracking(tracking_id))
        return self._connection.read(ask)

    def sisters(self, tracking_id: str) -> Pairs:
        """Every two daughters of one mother; in one round trip.

        Raises:
            NotFoundError: there is no such tracking.
        """
        return self._connection.read(partial(relatives.sisters, tracking=self.tracking(tracking_id)))

    def largest_lineage(self, tracking_id: str) -> int | None:
        """Id of the founder with most descendants, the first of several; None without tracks.

        Raises:
            NotFoundError: there is no such tracking.
        """
        ask = partial(relatives.largest_lineage, tracking=self.tracking(tracking_id))
        return self._connection.read(ask)

    def sisters_of(self, track_ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Ids of the sisters of each of these tracks, by its id."""
        return self._connection.read(partial(relatives.sisters_of, ids=track_ids))

    def ancestors_of(self, track_ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Ids of the ancestors of each of these tracks, by its id: the mother first, the founder last."""
        return self._connection.read(partial(relatives.ancestors_of, ids=track_ids))

    def descendants_of(self, track_ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Ids of all that descends from each of these tracks, by its id: a parent before its daughters."""
        return self._connection.read(partial(relatives.descendants_of, ids=track_ids))

    def lives(self, tracking_id: str) -> Lives:
        """The cells that were born in a division: durations of cell cycles, and survival; in one round trip.

        Raises:
            NotFoundError: there is no such tracking.
        """
        return self._connection.read(partial(relatives.lives, tracking=self.tracking(tracking_id)))

    def track_means(self, track_ids: Sequence[int], feature: str) -> Mapping[int, float]:
        """Mean of a feature over each of these tracks that there is, by its id; NaN where none has it."""
        return self._connection.read(partial(relatives.track_means, ids=track_ids, feature=feature))
