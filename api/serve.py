"""The service as a process: uvicorn until it is told to end."""

from contextlib import suppress

import uvicorn

from api.app import create_app
from api.settings import Settings
from graph.store import LineageStore


def serve_store(settings: Settings, store: LineageStore) -> None:
    """Serve the API on the address of `settings` until Ctrl-C or SIGTERM."""
    config = uvicorn.Config(
        create_app(settings, store),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        lifespan="off",  # the app has none, and one that is cancelled by Ctrl-C prints a traceback
    )
    with suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
        uvicorn.Server(config).run()
