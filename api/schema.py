"""The GraphQL schema, as it runs and as text."""

import sys
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.apart import Apart, Execute
from api.endpoint import is_expected
from api.job_fields import Subscription
from api.limits import Limits
from api.logs import service_log
from api.mutations import Mutation
from api.queries import Query
from api.query_cache import QueryCache, Remembering
from api.query_rules import QueryLimits


class Schema(strawberry.Schema):
    """Logs what went wrong inside the service, and only that; of the query its hash alone.

    Large queries are executed apart from the event loop (`api.apart`).
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as strawberry has it
        super().__init__(*arguments, **named)
        self._apart = Apart()

    def _get_execute_function(self) -> Execute:
        """The one place where strawberry calls graphql-core; a test sees that it stays so."""
        return self._apart.around(super()._get_execute_function())

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Called with the errors of each operation, as they were raised."""
        exchange = getattr(execution_context and execution_context.context, "exchange", None)
        for error in errors:
            if not is_expected(error):
                path = ".".join(map(str, error.path or ()))
                query = exchange.query_hash if exchange else None
                service_log().error("fault", path=path, query=query, exc_info=error.original_error or error)


def build_schema(limits: Limits) -> Schema:
    """The schema, every query held to `limits`."""
    cache = QueryCache()
    extensions = [lambda: QueryLimits(limits), lambda: Remembering(cache)]
    return Schema(Query, Mutation, Subscription, extensions=extensions, config=StrawberryConfig())


def schema_text() -> str:
    """The schema in GraphQL's own language: what docs/schema.graphql holds."""
    return build_schema(Limits()).as_str() + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
