"""Ways into Neo4j Browser for the command line."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.settings import Settings
from api.stored import managed_server, open_store
from graph.explore.browser import STYLE
from graph.server_use import keep_running
from ingest.errors import NotFoundError
from ingest.progress import Progress, silent


@dataclass(frozen=True)
class Exploration:
    """What to open.

    Attributes:
        links: by the title of what each shows.
        style: path of the style file.
        login: user and password of the managed server, "" for a database of the user's own.
    """

    links: Mapping[str, str]
    style: str
    login: str


def explore(settings: Settings, tracking: str, progress: Progress = silent) -> Exploration:
    """Links to everything that can be looked at of a tracking; the managed server goes on running.

    Raises:
        NotFoundError: there is no such tracking, or the server has no Browser.
    """
    with open_store(settings, progress) as opened:
        founder = opened.store.largest_lineage(tracking)
        browser = opened.store.browser
        if browser is None:
            raise NotFoundError(
                "the server does not say where its Neo4j Browser is",
                place=str(settings.neo4j_uri),
                remedy=f"open it yourself; {STYLE.parent} has the queries and the style",
            )
        if opened.address:
            keep_running(managed_server(settings))
        links = {"start page": browser.url, **browser.links(tracking, founder or 0)}
        login = f"{opened.address.user} / {opened.address.password}" if opened.address else ""
        return Exploration(links, str(STYLE), login)
