"""Neo4j Browser: where it is, and links that open it with a query filled in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from neo4j import ManagedTransaction

from graph.connection import Connection
from ingest.errors import CellkinError

FOLDER = Path(__file__).parent
STYLE = FOLDER / "style.grass"

# The server's own word on where its pages are; a server in the cloud does not say.
HTTP_ADDRESS = """
SHOW SETTINGS YIELD name, value
WHERE name IN ['server.http.advertised_address', 'server.http.enabled']
RETURN name, value
"""


@dataclass(frozen=True)
class SavedQuery:
    """A question that is asked again and again.

    Attributes:
        name: of its file.
        title: for people.
        text: Cypher with the parameter that it needs.
        needs: name of that parameter: `tracking` or `founder`.
    """

    name: str
    title: str
    text: str
    needs: str


@dataclass(frozen=True)
class Browser:
    """The Neo4j Browser of a server.

    Attributes:
        page: its address.
        connect: Bolt address with the user's name, which it fills in.
    """

    page: str
    connect: str

    @property
    def url(self) -> str:
        """Its start page, address and user filled in."""
        return f"{self.page}?connectURL={self.connect}"

    def link(self, query: SavedQuery, parameters: Mapping[str, str | int]) -> str:
        """An address that opens it with a query in its editor, ready to run.

        Browser shows a query of one statement as a picture, and `:param` would be a second one: so the ids,
        which the store made of letters and digits, stand in the text. It is a person who runs it.

        Args:
            query: which.
            parameters: the ids that it needs.
        """
        text = query.text
        for name, value in parameters.items():
            text = text.replace(f"${name}", _literal(value))
        return f"{self.url}&cmd=edit&arg={quote(text, safe='')}"

    def links(self, tracking: str, founder: int) -> dict[str, str]:
        """A link for each saved query of a tracking, by its title.

        Args:
            tracking: id.
            founder: id of the track whose lineage is shown.
        """
        known: dict[str, str | int] = {"tracking": tracking, "founder": founder}
        return {query.title: self.link(query, {query.needs: known[query.needs]}) for query in saved_queries()}


def saved_queries() -> list[SavedQuery]:
    """All of them, by name."""
    return [_read(file) for file in sorted(FOLDER.glob("*.cypher"))]


def saved_query(name: str) -> SavedQuery:
    """One by its name, such as `lineage`."""
    return _read(FOLDER / f"{name}.cypher")


def browser_of(connection: Connection) -> Browser | None:
    """The Browser that a server has; None where it has none, or does not say."""
    try:
        said = connection.read(_http_address)
    except CellkinError:  # an administrator may keep its settings from us
        return None
    address = said.get("server.http.advertised_address", "")
    bolt = urlsplit(connection.credentials.uri)
    if said.get("server.http.enabled") != "true" or not address:
        return None
    host, _, port = address.rpartition(":")
    connect = f"{bolt.scheme}://{quote(connection.credentials.user, safe='')}@{bolt.netloc}"
    return Browser(f"http://{host or bolt.hostname}:{port}/browser/", connect)


def _http_address(tx: ManagedTransaction) -> dict[str, str]:
    return {record["name"]: record["value"] for record in tx.run(HTTP_ADDRESS)}


def _read(file: Path) -> SavedQuery:
    text = file.read_text("utf-8")
    title = text.splitlines()[0].removeprefix("// ")
    return SavedQuery(file.stem, title, text, "founder" if "$founder" in text else "tracking")


def _literal(value: str | int) -> str:
    """An id in Cypher."""
    assert isinstance(value, int) or value.isalnum(), value
    return str(value) if isinstance(value, int) else f"'{value}'"
