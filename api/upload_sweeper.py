"""Uploads that nobody wants any more are removed while the service runs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread

from api.upload_routes import InUse
from api.uploads import UploadFolder
from ingest.errors import CellkinError

LOG = logging.getLogger("cellkin.uploads")
EVERY_S = 3600.0


@asynccontextmanager
async def sweeping(uploads: UploadFolder, in_use: InUse, every_s: float = EVERY_S) -> AsyncIterator[None]:
    """Sweep now and then; what a job that has not ended needs, stays."""
    task = asyncio.create_task(_sweep(uploads, in_use, every_s))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _sweep(uploads: UploadFolder, in_use: InUse, every_s: float) -> None:
    while True:
        try:
            needed = await to_thread.run_sync(in_use)
            for upload in await to_thread.run_sync(uploads.sweep, needed):
                LOG.info("upload %s: removed, nothing has touched it for long", upload)
        except (CellkinError, OSError) as error:  # the database is away: another time
            LOG.warning("uploads cannot be swept now: %s", error)
        await asyncio.sleep(every_s)
