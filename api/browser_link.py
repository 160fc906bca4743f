"""Links into Neo4j Browser, for GraphQL."""

from collections.abc import Mapping

from anyio import to_thread

from api.context import Info
from graph.explore.browser import saved_query


async def browser_link(info: Info, query: str, parameters: Mapping[str, str | int]) -> str | None:
    """A link that opens Neo4j Browser with a saved query; None where the server has no Browser."""
    browser = await to_thread.run_sync(lambda: info.context.store.browser)
    return browser.link(saved_query(query), parameters) if browser else None
