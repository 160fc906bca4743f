"""The process of a worker, of `cellkin worker` or of the service: `python -m api.worker_main`."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from api.settings import Settings
from api.stored import open_store
from api.worker import Worker
from graph.lease import new_writer
from ingest.progress import Progress, silent


def work(settings: Settings, progress: Progress = silent) -> None:
    """Do jobs until SIGTERM or SIGINT.

    Raises:
        StoreError: the database cannot be reached at the beginning.
    """
    stop = Event()
    with open_store(settings, progress) as opened, _stopping(stop):
        queue = opened.store.job_queue(new_writer())
        Worker(queue, settings.data_folder / "work", stop).run()


def main() -> None:
    """Do jobs for the service that holds the other end of standard input, until that ends."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr)
    Thread(target=_end_with_service, daemon=True).start()
    work(Settings())


@contextmanager
def _stopping(stop: Event) -> Iterator[None]:
    """Signals set `stop`; a worker in the middle of a job hands it back then, instead of being cut off."""

    def tell(*_: object) -> None:
        Thread(target=stop.set).start()  # a handler may strike within stop.wait, which holds what set needs

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_with_service() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
