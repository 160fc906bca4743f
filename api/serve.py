"""The service as a process: uvicorn until it is told to end."""

import socket
from contextlib import suppress
from functools import partial

import uvicorn

from api.app import create_app
from api.job_follower import JobFollower
from api.settings import Settings
from api.upload_sweeper import sweeping
from api.uploads import UploadFolder
from api.websocket import MAX_MESSAGE
from api.workers import running_workers
from graph.store import LineageStore


class _Server(uvicorn.Server):
    """Ends all listening to jobs before it waits for open requests: listening would not end by itself."""

    def __init__(self, config: uvicorn.Config, follower: JobFollower) -> None:
        super().__init__(config)
        self._follower = follower

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called once, on Ctrl-C or SIGTERM."""
        self._follower.close()
        await super().shutdown(sockets)


def serve_store(settings: Settings, store: LineageStore) -> None:
    """Serve the API on the address of `settings`, with workers for its jobs, until Ctrl-C or SIGTERM."""
    companions = (
        partial(sweeping, UploadFolder.of(settings), store.jobs.uploads_in_use),
        partial(running_workers, settings),
    )
    app = create_app(settings, store, companions=companions)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        lifespan="on",
        ws_max_size=MAX_MESSAGE,
        timeout_graceful_shutdown=10,
    )
    with suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
        _Server(config, app.state.follower).run()
