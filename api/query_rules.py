"""What every GraphQL query is held to before it runs: the limits of its size, its token's scope, its time."""

from collections.abc import Iterator
from hashlib import sha256

from graphql import GraphQLError, OperationDefinitionNode, OperationType
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType as StrawberryOperation

from api.exchange import Exchange
from api.limits import Extent, Limits, measure
from api.refusals import InvalidQueryError, UnauthenticatedError, forbidden
from graph.deadline import current_deadline
from graph.tokens import Scope
from ingest.errors import CellkinError


class QueryLimits(SchemaExtension):
    """Holds every query to `limits`, before it is validated: a query may be costly to validate, too."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def on_operation(self) -> Iterator[None]:
        """Have the parser stop at the limit of tokens."""
        self.execution_context.parse_options["max_tokens"] = self._limits.tokens
        yield

    def on_validate(self) -> Iterator[None]:
        """Refuse a query beyond the limits, or beyond its token; what is refused is not validated."""
        context = self.execution_context
        assert context.graphql_document is not None, "validation follows parsing"
        try:
            extent = measure(context.graphql_document, context.schema._schema, context.variables or {})
            self._note(extent)
            self._require_way()
            self._limits.check(extent)
            self._admit(extent.scope)
        except CellkinError as error:
            context.pre_execution_errors = [GraphQLError(str(error), original_error=error)]
        yield

    @property
    def _exchange(self) -> Exchange | None:
        return getattr(self.execution_context.context, "exchange", None)

    def _operation(self) -> OperationDefinitionNode | None:
        """The one that is asked for; None where that is not clear, which is refused later."""
        context, document = self.execution_context, self.execution_context.graphql_document
        wanted = context._provided_operation_name
        found = [
            node
            for node in (document.definitions if document else ())
            if isinstance(node, OperationDefinitionNode)
            and (wanted is None or (node.name and node.name.value == wanted))
        ]
        return found[0] if len(found) == 1 else None

    def _note(self, extent: Extent) -> None:
        exchange, operation = self._exchange, self._operation()
        if exchange is not None:
            exchange.cost = extent.cost
            exchange.query_hash = sha256((self.execution_context.query or "").encode()).hexdigest()[:12]
            if operation is not None:
                name = operation.name.value[:80] if operation.name else ""
                exchange.operation = f"{operation.operation.value} {name}".strip()

    def _require_way(self) -> None:
        """See that a subscription came over a WebSocket, where nothing else is allowed.

        Raises:
            InvalidQueryError: it was sent by POST.
        """
        operation = self._operation()
        subscribes = operation is not None and operation.operation is OperationType.SUBSCRIPTION
        if subscribes and StrawberryOperation.QUERY in self.execution_context.allowed_operations:
            raise InvalidQueryError(
                "a subscription sent by POST",
                place="/graphql",
                remedy="open a WebSocket at the same address, with the protocol graphql-transport-ws",
            )

    def _admit(self, scope: Scope) -> None:
        """Hold the operation to the caller's scope, and give it its time.

        Raises:
            UnauthenticatedError: nobody has said who asks.
            ForbiddenError: the caller's token does not allow this.
        """
        exchange, operation = self._exchange, self._operation()
        if exchange is None or operation is None:
            return
        if exchange.caller is None:
            raise UnauthenticatedError("this needs a token", remedy="send one when the connection begins")
        kind = operation.operation
        needed = max(scope, Scope.WRITE if kind is OperationType.MUTATION else Scope.READ)
        if exchange.caller.scope < needed:
            raise forbidden(needed, exchange.caller.scope)
        if (deadline := current_deadline()) is not None:
            deadline.allow(
                {
                    OperationType.QUERY: self._limits.seconds,
                    OperationType.MUTATION: self._limits.mutation_seconds,
                }.get(kind)
            )
