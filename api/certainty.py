"""GraphQL types of what a tracker is sure of, or not: pages of divisions and of links."""

from collections.abc import Sequence

import strawberry
from strawberry.relay import PageInfo

from api.fields import Cost, described, value
from api.lineages import Division, Track
from api.pages import COUNTED_BY_PAGE, KeyPage, key_cursor_of, page_info
from api.places import Place
from graph import records
from graph.certainty import DivisionOrder, division_key, link_key
from ingest.tracking_graph import LinkKind

LOOK_AT_TRACKS = Cost(weight="500")
"""Whatever the page holds, all tracks of the tracking are looked at: many a hundred thousand a second."""
LOOK_AT_LINKS = Cost(weight="10000")
"""Likewise all its links: about a million in two seconds."""
LINKS = "LINKS"
"""The one order of links, in their cursors."""

strawberry.enum(
    LinkKind,
    description="What a link from a detection to a later one means: `NEXT` the same cell one frame later, "
    "`GAP` the same cell, frames missed between, `DIVISION` mother to daughter.",
)
strawberry.enum(
    DivisionOrder,
    description="What divisions are sorted by: `FRAME` the mother's last frame, `PROBABILITY` the least "
    "certain first, those without a probability last.",
)


@described
class DivisionEdge:
    """A division of a page."""

    node: Division = value("The division.")
    cursor: str = value("Where the page after it begins.")


@described
class DivisionConnection:
    """One page of divisions."""

    nodes: list[Division] = value("The divisions.", COUNTED_BY_PAGE)
    edges: list[DivisionEdge] = value("The divisions, each with its cursor.", COUNTED_BY_PAGE)
    page_info: PageInfo = value("Whether there is more, and where it begins.")

    @classmethod
    def of(
        cls, mothers: Sequence[records.TrackRecord], order: DivisionOrder, page: KeyPage
    ) -> "DivisionConnection":
        """The page, of one more than was asked for where there are so many."""
        shown = mothers[: page.first]
        nodes = [Division(mother=Track.of(mother)) for mother in shown]
        cursors = [key_cursor_of(order, division_key(mother, order)) for mother in shown]
        edges = [DivisionEdge(node=n, cursor=c) for n, c in zip(nodes, cursors, strict=True)]
        return cls(nodes=nodes, edges=edges, page_info=page_info(page, len(mothers), cursors))


@described
class Link:
    """From a detection to its successor in time."""

    kind: LinkKind = value("What it means.")
    probability: float | None = value(
        "How sure the tracker is of it, 0..1; null where it does not say, and of what no tracker made."
    )
    earlier: Place = value("The detection that it leads from.")
    later: Place = value("The detection that it leads to.")

    @classmethod
    def of(cls, record: records.LinkRecord) -> "Link":
        """The link of a record."""
        return cls(
            kind=record.kind,
            probability=record.probability,
            earlier=Place.of(record.earlier),
            later=Place.of(record.later),
        )


@described
class LinkEdge:
    """A link of a page."""

    node: Link = value("The link.")
    cursor: str = value("Where the page after it begins.")


@described
class LinkConnection:
    """One page of links."""

    nodes: list[Link] = value("The links.", COUNTED_BY_PAGE)
    edges: list[LinkEdge] = value("The links, each with its cursor.", COUNTED_BY_PAGE)
    page_info: PageInfo = value("Whether there is more, and where it begins.")

    @classmethod
    def of(cls, found: Sequence[records.LinkRecord], page: KeyPage) -> "LinkConnection":
        """The page, of one more than was asked for where there are so many."""
        nodes = [Link.of(record) for record in found[: page.first]]
        cursors = [key_cursor_of(LINKS, link_key(record)) for record in found[: page.first]]
        edges = [LinkEdge(node=n, cursor=c) for n, c in zip(nodes, cursors, strict=True)]
        return cls(nodes=nodes, edges=edges, page_info=page_info(page, len(found), cursors))
