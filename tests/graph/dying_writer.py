"""A writer that may be killed: `python -m tests.graph.dying_writer PIXELS WHEN [colony]`.

WHEN is `never`, a step of the progress (it dies in its second round), or `before commit` or `after commit` of
the last transaction. It says `writing`, and at last `stored` or `conflict`.
"""

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from neo4j import ManagedTransaction

from graph import write
from graph.connection import Connection, Credentials
from graph.pixels import PixelStore
from graph.store import LineageStore
from graph.writer import TrackingWriter
from ingest.errors import ConflictError
from tests import lineages
from tests.graph import faults
from tests.graph.stored import put

T = TypeVar("T")


def die() -> None:
    """At once, with no chance to tidy up."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(pixels: str, when: str, what: str = "lineage") -> None:
    """Store a lineage, and die when it is time."""
    credentials = Credentials(*(os.environ[name] for name in ("TEST_URI", "TEST_USER", "TEST_PASSWORD")))
    drawing = faults.colony() if what == "colony" else lineages.generations()
    batch_rows = faults.WRITE_ROWS if what == "colony" else 5
    real, real_fill = write.show, TrackingWriter._fill

    def deadly(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        for number, item in enumerate(items):
            if description == when and number == 1:
                die()
            yield item

    def show(tx: ManagedTransaction, **arguments: Any) -> None:
        real(tx, **arguments)
        if when == "before commit":
            die()

    def fill(writer: TrackingWriter, *arguments: Any, **options: Any) -> None:
        real_fill(writer, *arguments, **options)
        if when == "after commit":
            die()

    with (
        patch("graph.batches.WRITE_ROWS", batch_rows),
        patch.object(write, "show", show),
        patch.object(TrackingWriter, "_fill", fill),
        Connection(credentials) as connection,
    ):
        store = LineageStore(connection, PixelStore(Path(pixels)))
        print("writing", flush=True)
        try:
            put(store, drawing, progress=deadly)
            print("stored", flush=True)
        except ConflictError:
            print("conflict", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
