"""Two pieces of work at once, of which neither goes on long when the other has failed."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any, TypeVar

from ingest.progress import Progress

T = TypeVar("T")
Item = TypeVar("Item")


@contextmanager
def beside(work: Callable[[Progress], T]) -> Iterator[Future[T]]:
    """Do some work in a thread of its own while the block runs.

    When the block fails, the work is given up at the next item that it tells its progress of.
    """
    failed = Event()

    def until_failed(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
        del description, total
        for item in items:
            if failed.is_set():
                raise CancelledError
            yield item

    with ThreadPoolExecutor(1) as pool:
        try:
            yield pool.submit(work, until_failed)
        except BaseException:
            failed.set()
            raise


def while_well(items: Iterable[Item], work: Future[Any]) -> Iterator[Item]:
    """The items, until the work beside them fails, and then its error."""
    for item in items:
        if work.done():
            work.result()
        yield item
