"""What the benchmarks on a Neo4j share: a server of their own, how much is asked of it, a line a figure."""

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from graph.jars import default_cache
from graph.server import ManagedServer, ServerAddress

Figure = tuple[str, float, str, bool]
"""Name, value, goal (empty without one), and whether it is reached."""


def asked_scale(about: str | None) -> float:
    """`--scale` of the command line: 1 is the size that the goals are for."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--scale", type=float, default=1.0)
    scale: float = parser.parse_args().scale
    return scale


@contextmanager
def fresh_server() -> Iterator[tuple[Path, ManagedServer, ServerAddress]]:
    """A folder and an empty server in it, which runs meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        server = ManagedServer(Path(name) / "neo4j", default_cache())
        try:
            yield Path(name), server, server.start(timeout_s=600)
        finally:
            server.stop()


def tell(figures: Iterable[Figure]) -> None:
    """Print each figure as soon as it is known."""
    for figure, value, goal, ok in figures:
        print(f"{figure} {value:.4g} {goal or '-'} {'ok' if ok else 'short'}", flush=True)
