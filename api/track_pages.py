"""Pages of tracks: by birth, or in another order."""

from dataclasses import fields
from functools import partial

from anyio import to_thread

from api.context import Info
from api.fields import Cost
from api.lineages import TrackConnection
from api.pages import cursor_of, key_cursor_of, key_page_of, page_of
from graph.track_pages import TrackFilter, TrackOrder

LOOK_AT_MEANS = Cost(weight="2000")
"""By a feature, the detections of all tracks may be looked at: about a million in some seconds."""


async def track_page(
    info: Info, tracking: str, wanted: TrackFilter, order: TrackOrder | None, first: int, after: str | None
) -> TrackConnection:
    """A page of the tracks that are wanted, by birth or in another order.

    Raises:
        InputError: the page cannot be, or a feature was not measured.
    """
    if order is None:
        return await _by_birth(info, tracking, wanted, first, after)
    name = f"{order.by}:{order.feature}:{'down' if order.descending else 'up'}"
    page = key_page_of(first, after, name)
    read = partial(info.context.store.tracks_by, tracking, order, wanted)
    found = await to_thread.run_sync(partial(read, after=page.after, first=page.first + 1))
    cursors = [key_cursor_of(name, key) for key, _ in found]
    return TrackConnection.of([track for _, track in found], cursors, page)


async def _by_birth(
    info: Info, tracking: str, wanted: TrackFilter, first: int, after: str | None
) -> TrackConnection:
    page = page_of(first, after)
    filters = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
    read = partial(info.context.store.tracks, tracking, **filters)
    found = await to_thread.run_sync(partial(read, after=page.after, first=page.first + 1))
    return TrackConnection.of(found, [cursor_of(track.id) for track in found], page)
