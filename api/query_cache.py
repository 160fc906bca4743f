"""Queries that come again, with other variables as a rule, are parsed and validated once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock

from graphql import DocumentNode, GraphQLError
from strawberry.extensions import SchemaExtension

KEPT = 64
LONGEST = 2000
"""Characters of a query that is remembered; a document takes some hundred bytes for each."""


@dataclass(frozen=True)
class QueryCache:
    """The last valid queries of one schema by their text; those asked for longest ago go first."""

    _documents: dict[str, DocumentNode] = field(default_factory=dict)
    _guard: Lock = field(default_factory=Lock)

    def find(self, query: str) -> DocumentNode | None:
        """The document of a query that was valid."""
        with self._guard:
            found = self._documents.pop(query, None)
            if found is not None:
                self._documents[query] = found  # the last one now
            return found

    def keep(self, query: str, document: DocumentNode) -> None:
        """Remember that a query is valid."""
        if len(query) > LONGEST:
            return
        with self._guard:
            self._documents[query] = document
            while len(self._documents) > KEPT:
                del self._documents[next(iter(self._documents))]


class Remembering(SchemaExtension):
    """Spares a query that was valid before its parsing and validation. Limits come first, and stand."""

    def __init__(self, cache: QueryCache) -> None:
        self._cache = cache
        self._known = False

    def on_parse(self) -> Iterator[None]:
        """Give the document of a known query."""
        context = self.execution_context
        found = self._cache.find(context.query or "")
        if found is not None:
            context.graphql_document, self._known = found, True
        yield

    def on_validate(self) -> Iterator[None]:
        """Say of a known query that it is valid; remember one that turns out to be."""
        context, valid = self.execution_context, list[GraphQLError]()
        if self._known and context.pre_execution_errors is None:
            context.pre_execution_errors = valid
        yield
        if not self._known and context.pre_execution_errors == valid and context.graphql_document:
            self._cache.keep(context.query or "", context.graphql_document)
