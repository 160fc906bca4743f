"""The service's own workers: started with it, started again when they die, ended with it."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from pydantic import SecretStr

from api.settings import Settings

LOG = logging.getLogger("cellkin.workers")
PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Before a worker that died is started again: the more often in a row, the longer."""
STEADY_S = 120.0
"""A worker that lived so long did not die at once."""
GRACE_S = 20.0
"""For a worker to hand its job back, which has a grace of its own."""


@asynccontextmanager
async def running_workers(settings: Settings) -> AsyncIterator[None]:
    """Keep `settings.workers` workers running."""
    tasks = [asyncio.create_task(_keep_running(settings)) for _ in range(settings.workers)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_running(settings: Settings) -> None:
    loop, failures = asyncio.get_running_loop(), 0
    while True:
        begun = loop.time()
        code = await _run(settings)
        failures = 0 if loop.time() - begun > STEADY_S else failures + 1
        pause_s = PAUSES_S[min(failures, len(PAUSES_S)) - 1] if failures else 0.0
        LOG.error("a worker ended (exit code %d); the next one starts in %g s", code, pause_s)
        await asyncio.sleep(pause_s)


async def _run(settings: Settings) -> int:
    """Run a worker to its end; it ends with this task."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # whatever lies where the service was started, it is no module of ours
        "-m",
        "api.worker_main",
        stdin=asyncio.subprocess.PIPE,  # it breaks off when the service ends, however it does
        env={**os.environ, **environment_of(settings)},
        start_new_session=True,  # Ctrl-C in the service's terminal is the service's
    )
    try:
        return await process.wait()
    finally:
        await asyncio.shield(_end(process))


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def environment_of(settings: Settings) -> Mapping[str, str]:
    """The variables that make another process read the same settings."""
    shown = {}
    for name, value in settings:
        if value is not None:
            text = ",".join(value) if isinstance(value, tuple) else str(getattr(value, "value", value))
            shown[f"CELLKIN_{name.upper()}"] = (
                value.get_secret_value() if isinstance(value, SecretStr) else text
            )
    return shown
