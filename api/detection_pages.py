"""GraphQL type of pages of detections: by frame, or in the order of a measured feature."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from anyio import to_thread
from strawberry.relay import PageInfo

from api.cells import Detection, detections_of
from api.columns import stored_feature
from api.context import Info
from api.fields import described, value
from api.pages import (
    COUNTED_BY_PAGE,
    KeyPage,
    Page,
    cursor_of,
    key_cursor_of,
    key_page_of,
    page_info,
    page_of,
)
from api.wanted import DetectionOrder
from graph.measured import FeatureOrder, FeatureRange
from graph.records import MovieRecord, TimeSeries
from graph.windows import Window
from ingest.tracking_graph import IntArray


@described
class DetectionEdge:
    """A detection of a page."""

    node: Detection = value("The detection.")
    cursor: str = value("Where the page after it begins.")


@described
class DetectionConnection:
    """One page of detections."""

    nodes: list[Detection] = value("The detections.", COUNTED_BY_PAGE)
    edges: list[DetectionEdge] = value("The detections, each with its cursor.", COUNTED_BY_PAGE)
    page_info: PageInfo = value("Whether there is more, and where it begins.")

    @classmethod
    def of(
        cls, nodes: Sequence[Detection], cursors: Sequence[str], page: Page | KeyPage
    ) -> "DetectionConnection":
        """The page, of one more than was asked for where there are so many, each with its cursor."""
        shown, cursors = list(nodes[: page.first]), cursors[: page.first]
        edges = [DetectionEdge(node=n, cursor=c) for n, c in zip(shown, cursors, strict=True)]
        return cls(nodes=shown, edges=edges, page_info=page_info(page, len(nodes), cursors))


async def by_frame(
    info: Info, tracking: str, window: Window, ranges: Sequence[FeatureRange], first: int, after: str | None
) -> DetectionConnection:
    """A page in the order of frames, then labels.

    Raises:
        InputError: the page cannot be, or a feature was not measured.
    """
    page = page_of(first, after)
    read = partial(info.context.store.detections, tracking, window, ranges)
    found = await to_thread.run_sync(partial(read, after=page.after, first=page.first + 1))
    nodes = _nodes(found.rows, await info.context.loaders.movie_of(tracking), found.rows.id.argsort())
    info.context.loaders.spend(len(nodes))
    return DetectionConnection.of(nodes, [cursor_of(int(node.id)) for node in nodes], page)


async def by_feature(
    info: Info,
    tracking: str,
    window: Window,
    ranges: Sequence[FeatureRange],
    order: DetectionOrder,
    first: int,
    after: str | None,
) -> DetectionConnection:
    """A page in the order of a feature.

    Raises:
        InputError: the page cannot be, or a feature was not measured.
    """
    movie = await info.context.loaders.movie_of(tracking)
    stored = FeatureOrder(stored_feature(order.feature, movie)[0], order.descending)
    name = f"{stored.feature}:{'down' if stored.descending else 'up'}"
    page = key_page_of(first, after, name)
    read = partial(info.context.store.detections_by, tracking, stored, window, ranges)
    rows = await to_thread.run_sync(partial(read, after=page.after, first=page.first + 1))
    keys = stored.keys(rows)
    places = np.lexsort((rows.id, keys))
    nodes = _nodes(rows, movie, places)
    info.context.loaders.spend(len(nodes))
    cursors = [key_cursor_of(name, (float(keys[row]), int(rows.id[row]))) for row in places]
    return DetectionConnection.of(nodes, cursors, page)


def _nodes(rows: TimeSeries, movie: MovieRecord, order: IntArray) -> list[Detection]:
    nodes = detections_of(rows, movie)
    return [nodes[row] for row in order.tolist()]
