"""Movies and trackings removed, in GraphQL."""

from functools import partial

import strawberry
from anyio import CancelScope, to_thread

from api.context import Info
from api.fields import Needs, described, resolved


@described
class RemovalMutations:
    """Movies and trackings."""

    @resolved(Needs(scope="ADMIN"))
    async def delete_tracking(self, info: Info, id: strawberry.ID) -> strawberry.ID:  # noqa: A002
        """Remove a tracking with its scores and label images; gives back its id.

        It is hidden at once. Removing a large one takes seconds; whatever stops that, `cellkin doctor
        --sweep` or a repetition completes it.
        """
        await _removed(partial(info.context.store.delete_tracking, id))
        return id

    @resolved(Needs(scope="ADMIN"))
    async def delete_movie(self, info: Info, id: strawberry.ID) -> strawberry.ID:  # noqa: A002
        """Remove a movie with all its trackings and their scores; gives back its id."""
        await _removed(partial(info.context.store.delete_movie, id))
        return id


async def _removed(remove: "partial[None]") -> None:
    """To the end, though nobody may wait for the answer any more."""
    with CancelScope(shield=True):
        await to_thread.run_sync(remove)
