"""The GraphQL schema, as it runs and as text."""

import logging
import sys

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.endpoint import is_expected
from api.job_fields import Subscription
from api.limits import Limits, QueryLimits
from api.mutations import Mutation
from api.queries import Query

LOG = logging.getLogger("cellkin.graphql")
LOGGED_QUERY = 500
"""Characters of a query that a log line holds."""


class Schema(strawberry.Schema):
    """Logs what went wrong inside the service, and only that, with the beginning of the query."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Called with the errors of each operation, as they were raised."""
        query = (execution_context.query if execution_context else None) or ""
        for error in errors:
            if not is_expected(error):
                LOG.error("%s in %.*s", error.message, LOGGED_QUERY, query, exc_info=error.original_error)


def build_schema(limits: Limits) -> Schema:
    """The schema, every query held to `limits`."""
    return Schema(
        Query, Mutation, Subscription, extensions=[lambda: QueryLimits(limits)], config=StrawberryConfig()
    )


def schema_text() -> str:
    """The schema in GraphQL's own language: what docs/schema.graphql holds."""
    return build_schema(Limits()).as_str() + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
