"""The service as a process: uvicorn until it is told to end."""

import asyncio
import errno
import socket
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.app import create_app
from api.job_follower import JobFollower
from api.logs import configure, service_log
from api.settings import Settings
from api.stored import managed_server
from api.upload_sweeper import sweeping
from api.uploads import UploadFolder
from api.websocket import MAX_MESSAGE
from api.workers import running_workers
from graph.server_watch import kept_running
from graph.store import LineageStore
from ingest.errors import InputError

HEADER_BYTES = 32 * 1024
"""Of a request: its address and all its headers."""
HEADER_SECONDS = 10.0
CONNECTIONS = 500
"""Beyond them, uvicorn says 503 at once."""


class ImpatientProtocol(H11Protocol):
    """Closes a connection on which the head of a request takes longer than `HEADER_SECONDS`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._waiting = self.loop.call_later(HEADER_SECONDS, self._close_unless_after, None)

    def on_response_complete(self) -> None:
        """Begin to wait for the next one."""
        super().on_response_complete()
        self._await_head(self.timeout_keep_alive + HEADER_SECONDS)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Wait no more: the connection has another protocol from here on."""
        self._waiting.cancel()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._waiting.cancel()
        super().connection_lost(exc)

    def _await_head(self, seconds: float) -> None:
        self._waiting.cancel()
        self._waiting = self.loop.call_later(seconds, self._close_unless_after, self.cycle)

    def _close_unless_after(self, last: object) -> None:
        """Close, unless a request has begun after the one that was the last."""
        if self.cycle is last:
            self.transport.close()


def server_options() -> dict[str, Any]:
    """How uvicorn bounds connections, heads of requests and waiting, for `uvicorn.Config`."""
    return {
        "http": ImpatientProtocol,
        "h11_max_incomplete_event_size": HEADER_BYTES,
        "limit_concurrency": CONNECTIONS,
        "timeout_keep_alive": 15,
        "timeout_graceful_shutdown": 10,
        "proxy_headers": False,  # nothing here believes what a proxy says of its clients
        "server_header": False,
        "access_log": False,  # the service has its own
    }


class _Server(uvicorn.Server):
    """Ends all listening to jobs before it waits for open requests: listening would not end by itself."""

    def __init__(self, config: uvicorn.Config, follower: JobFollower) -> None:
        super().__init__(config)
        self._follower = follower

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called once, on Ctrl-C or SIGTERM."""
        self._follower.close()
        await super().shutdown(sockets)


def require_free_address(settings: Settings) -> None:
    """See that the service could listen where it is to, before anything is started for it.

    Raises:
        InputError: another program listens there, or this one may not, or no such address is here.
    """

    async def try_it() -> None:
        loop = asyncio.get_running_loop()
        tried = await loop.create_server(asyncio.Protocol, settings.host, settings.port, start_serving=False)
        tried.close()

    try:
        asyncio.run(try_it())
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        raise InputError(
            "another program listens there"
            if in_use
            else f"nothing can listen there: {error.strerror or error}",
            place=f"port {settings.port} of {settings.host or 'every interface'}",
            remedy="end that program, or choose another port: --port or CELLKIN_PORT"
            if in_use
            else "choose another address: --host and --port, or CELLKIN_HOST and CELLKIN_PORT",
        ) from error


def serve_store(settings: Settings, store: LineageStore) -> None:
    """Serve the API on the address of `settings`, with workers for its jobs, until Ctrl-C or SIGTERM."""
    configure(settings.log_format)
    companions = (
        partial(sweeping, UploadFolder.of(settings), store.jobs.uploads_in_use),
        partial(running_workers, settings),
    )
    app = create_app(settings, store, companions=companions)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        lifespan="on",
        ws_max_size=MAX_MESSAGE,
        **server_options(),
    )
    managed = settings.neo4j_uri is None
    watched = kept_running(managed_server(settings), service_log().warning) if managed else nullcontext()
    with watched, suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
        _Server(config, app.state.follower).run()
