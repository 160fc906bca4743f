"""A writer that is killed with no chance to tidy up: `python -m tests.graph.dying_writer PIXELS WHEN`."""

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

from graph.connection import Connection, Credentials
from graph.pixels import PixelStore
from graph.store import LineageStore
from tests import lineages
from tests.graph.stored import put

T = TypeVar("T")


def main(pixels: str, when: str) -> None:
    """Store a lineage until the second step of what is called `when`, then die of SIGKILL."""
    credentials = Credentials(*(os.environ[name] for name in ("TEST_URI", "TEST_USER", "TEST_PASSWORD")))

    def deadly(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        for number, item in enumerate(items):
            if description == when and number == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            yield item

    with patch("graph.batches.BATCH_ROWS", 5), Connection(credentials) as connection:
        put(LineageStore(connection, PixelStore(Path(pixels))), lineages.generations(), progress=deadly)


if __name__ == "__main__":
    main(*sys.argv[1:])
