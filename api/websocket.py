"""GraphQL subscriptions over WebSocket, in the protocol graphql-transport-ws.

Queries and mutations go over HTTP, where what they cost and may do is looked after; here there are
subscriptions alone. A page of another origin is refused by strawberry, which compares `Origin` with `Host`.

Source: GraphQL over WebSocket Protocol, github.com/enisdenjo/graphql-ws, PROTOCOL.md.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, cast

from graphql import GraphQLError
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, WebSocketDisconnected
from strawberry.schema.base import BaseSchema
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message, SubscribeMessage
from strawberry.types import ExecutionResult

from api.context import Context
from api.endpoint import GraphQLEndpoint, typed_error

MAX_MESSAGE = 256 * 1024
"""Bytes of a message; a query is no longer over HTTP."""


OTHER_OPERATION = "queries and mutations go by POST; subscriptions alone go over a WebSocket"


class TextMessages(ASGIWebSocketAdapter):
    """Messages as text, which the protocol asks for; what is no JSON object ends the connection."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """The messages as they come."""
        try:
            async with aclosing(super().iter_json(ignore_parsing_errors=ignore_parsing_errors)) as messages:
                async for message in messages:
                    if not isinstance(message, dict):
                        raise NonJsonMessageReceived
                    yield message
        except (ValueError, RecursionError) as error:  # 5000 digits; 100,000 levels
            raise NonJsonMessageReceived from error

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one, unless nobody is there any more."""
        encoded = self.view.encode_json(message)
        text = encoded.decode() if isinstance(encoded, bytes) else encoded
        try:
            await self.ws.send_text(text)
        except RuntimeError as error:  # starlette's word for a connection that is closed
            raise WebSocketDisconnected from error


class SubscriptionsOnly:
    """A schema as the handler needs it, which runs nothing but subscriptions; errors have their codes."""

    def __init__(self, schema: BaseSchema) -> None:
        self._schema = schema

    async def stream(self, query: str, **how: Any) -> AsyncIterator[ExecutionResult]:  # noqa: ANN401 - strawberry's
        """The results of a subscription."""
        return _typed(await cast("Any", self._schema).subscribe(query, **how))


async def _typed(results: AsyncGenerator[ExecutionResult, None]) -> AsyncGenerator[ExecutionResult, None]:
    async with aclosing(results):
        async for result in results:
            if result.errors:
                result.errors = [_shown(error) for error in result.errors]
            yield result


def _shown(error: GraphQLError) -> GraphQLError:
    """The error as a client gets it: nothing of what went wrong inside."""
    if isinstance(error.original_error, InvalidOperationTypeError):
        return GraphQLError(OTHER_OPERATION, extensions={"code": "INVALID_QUERY"})
    typed = typed_error(error)
    return GraphQLError(typed["message"], nodes=error.nodes, path=error.path, extensions=typed["extensions"])


class SubscriptionHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - strawberry's own
        super().__init__(*arguments, **named)
        self.schema = cast("BaseSchema", SubscriptionsOnly(self.schema))

    async def handle_message(self, message: Message) -> None:
        """Do what a message says; one of another form ends the connection."""
        try:
            await super().handle_message(message)
        except (TypeError, AttributeError):
            await self.handle_invalid_message("Failed to parse message")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begin a subscription."""
        told = cast("dict[str, Any]", message)
        payload = told["payload"]
        variables, name = payload.get("variables"), payload.get("operationName")
        if not (
            isinstance(told["id"], str)
            and isinstance(payload["query"], str)
            and isinstance(variables, dict | None)
            and isinstance(name, str | None)
        ):
            raise TypeError
        await super().handle_subscribe(message)


class LiveEndpoint(GraphQLEndpoint):
    """GraphQL over HTTP, and subscriptions over WebSocket."""

    graphql_transport_ws_handler_class = SubscriptionHandler
    websocket_adapter_class = TextMessages  # type: ignore[assignment] # of this framework, as in strawberry

    @property
    def websocket_subprotocols(self) -> list[str]:
        """The protocols that a client may choose from."""
        return [GRAPHQL_TRANSPORT_WS_PROTOCOL]
