"""A process that writes a large tracking and tells how much memory that took beyond the columns."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from graph.connection import Connection, Credentials
from graph.pixels import PixelStore
from graph.records import TrackingKind, TrackingRecord
from graph.server import ServerAddress
from graph.store import LineageStore
from ingest.movie import Movie
from ingest.tracking_graph import TrackingGraph
from tests.bench.lineages import FRAMES, lineages
from tests.bench.scorers import peak_mb


def write(store: LineageStore, graph: TrackingGraph, author: str) -> TrackingRecord:
    """Store a tracking without label images, always of the same movie."""
    movie = store.add_movie(Movie.from_array(np.zeros((FRAMES, 4, 5), np.uint8), name="benchmark"))
    return store.write_tracking(
        movie.id, graph, None, kind=TrackingKind.PREDICTED, author=author, version="1", parameters={}
    )


def writer_memory(server: ServerAddress, folder: Path, count: int) -> tuple[float, float]:
    """MB beyond the columns, and seconds, that another process takes to write so many lineages."""
    login = {"TEST_URI": server.uri, "TEST_USER": server.user, "TEST_PASSWORD": server.password}
    command = [sys.executable, "-m", "tests.bench.store_writer", str(folder), str(count)]
    done = subprocess.run(command, env=os.environ | login, stdout=subprocess.PIPE, check=True)
    grown, seconds = json.loads(done.stdout)
    return grown, seconds


def main(folder: str, count: str) -> None:
    """Print both figures as JSON."""
    login = Credentials(*(os.environ[name] for name in ("TEST_URI", "TEST_USER", "TEST_PASSWORD")))
    with LineageStore(Connection(login), PixelStore(Path(folder))) as store:
        graph = lineages(int(count), seed=7)
        columns, begun = psutil.Process().memory_info().rss, time.perf_counter()
        write(store, graph, "a million")
        seconds = time.perf_counter() - begun
    print(json.dumps([peak_mb() - columns / 2**20, seconds]))


if __name__ == "__main__":
    main(*sys.argv[1:])
