"""The store against the bare driver, on one server in one run: `make bench-store`.

Prints a line a figure: name, value, goal, `ok` or `short`. CPU is that of the server and of this process
together: other work on the machine does not count. `--scale 0.1` takes a tenth of the data.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from neo4j import Driver, GraphDatabase

from graph.batches import READ_ROWS, WRITE_ROWS, id_ranges
from graph.bulk_import import ImportFiles
from graph.certainty import DivisionOrder
from graph.connection import Connection, Credentials
from graph.jars import default_cache
from graph.measured import FeatureOrder
from graph.pixels import PixelStore
from graph.records import TrackingRecord
from graph.server import ManagedServer, ServerAddress
from graph.server_admin import import_files
from graph.server_process import ServerProcess
from graph.store import LineageStore
from graph.track_pages import TrackKey, TrackOrder
from graph.windows import Window
from ingest.tracking_graph import TrackingGraph
from tests.bench.fresh_server import Figure, asked_scale, fresh_server, tell
from tests.bench.lineages import DETECTIONS_A_LINEAGE, lineages
from tests.bench.store_rivals import (
    bare_write,
    links_by_id,
    prepare,
    prepare_rows,
    read_lineage,
    read_row_by_row,
)
from tests.bench.store_writer import write, writer_memory

STORED = (10_000, 100_000, 1_000_000)
WRITTEN = 250_000
USUAL_BATCH = 10_000
"""Rows in a transaction where one does not measure: Neo4j's manuals advise 10,000 to 50,000."""
TURNS = 5
UNUSED = 2**20
"""Numbers of trackings that the store will not come to."""
ASKED = 60


@dataclass
class Cpu:
    """CPU seconds of the server and of this process, between two moments."""

    server: psutil.Process
    used: float = field(default=0.0)
    of_server: float = field(default=0.0)

    @contextmanager
    def measured(self) -> Iterator["Cpu"]:
        before = self._now()
        yield self
        self.of_server = self._now()[0] - before[0]
        self.used = self.of_server + self._now()[1] - before[1]

    def _now(self) -> tuple[float, float]:
        times = self.server.cpu_times()
        return times.user + times.system, time.process_time()


@dataclass
class Bench:
    """One server, the store on it, and the driver beside the store."""

    store: LineageStore
    driver: Driver
    cpu: Cpu
    scale: float
    us_a_detection: dict[str, float] = field(default_factory=dict)
    """CPU of each way to write."""

    def sized(self, detections: float) -> int:
        """Number of lineages."""
        return max(1, round(detections * self.scale / DETECTIONS_A_LINEAGE))

    def writing(self) -> Iterator[Figure]:
        """The store, the same Cypher on prepared rows, and nodes first, links by id.

        They take turns, every other time the other way round. The first turn only warms Java up; of the
        others the median ratio counts.
        """
        graph, number = lineages(self.sized(WRITTEN), seed=1), count(UNUSED)
        ways: dict[str, Callable[[int], Callable[[], object]]] = {
            "store": lambda turn: partial(write, self.store, graph, f"turn {turn}"),
            "bare": lambda _: partial(bare_write, self.driver, prepare(graph, next(number))),
            "usual": lambda _: self._by_id(graph, next(number), USUAL_BATCH),
            "small": lambda _: self._by_id(graph, next(number), WRITE_ROWS),
        }
        turns = []
        for turn in range(TURNS + 1):
            cpu = {}
            for name in list(ways) if turn % 2 == 0 else reversed(ways):
                way = ways[name](turn)  # not before it is its turn: Python's collector looks through all rows
                with self.cpu.measured() as one:
                    way()
                cpu[name] = one.used, one.of_server
            turns.append(cpu)
        turns = turns[1:]
        against = median(cpu["store"][0] / cpu["bare"][0] for cpu in turns)
        yield "write_against_bare_driver", against, "<= 1.15", against <= 1.15
        usual, small = (
            median(cpu[name][1] / cpu["store"][1] for cpu in turns) for name in ("usual", "small")
        )
        yield "links_by_id_against_write", usual, ">= 2 (server)", usual >= 2
        yield "links_by_id_in_our_batches_against_write", small, "", True
        for name in turns[0]:
            self.us_a_detection[name] = median(cpu[name][0] for cpu in turns) / len(graph.detections) * 1e6
        yield "write_us_a_detection", self.us_a_detection["store"], "", True

    def _by_id(self, graph: TrackingGraph, number: int, batch: int) -> Callable[[], object]:
        return partial(links_by_id, self.driver, prepare_rows(graph, number, batch))

    def offline(self, tracking: TrackingRecord, folder: Path) -> Iterator[Figure]:
        """A tracking into a new database by Neo4j's own import, against writing it into a server.

        Writing the usual way is what one would do without the store: nodes first, links by id.
        """
        graph = self.store.tracking_graph(tracking.id)
        (folder / "files").mkdir()
        fresh = ManagedServer(folder / "fresh", default_cache())
        with fresh.stopped(), children_cpu() as used:
            files = ImportFiles(folder / "files")
            files.add(graph, 1)
            arguments = folder / "arguments"
            arguments.write_text("\n".join(files.arguments()), "utf-8")
            import_files(fresh, arguments)
        us_a_detection = used() / len(graph.detections) * 1e6
        usual, ours = (us_a_detection / self.us_a_detection[name] for name in ("usual", "store"))
        yield "offline_import_against_links_by_id", usual, "<= 0.25 (CPU)", usual <= 0.25
        yield "offline_import_against_write", ours, "", True

    def reading(self, tracking: TrackingRecord) -> Iterator[Figure]:
        """A whole tracking as columns, and a record a row."""
        spans = list(id_ranges(tracking.number, tracking.detections, READ_ROWS))
        used, seconds = [], []
        for read in (
            lambda: self.store.tracking_graph(tracking.id),
            lambda: read_row_by_row(self.driver, spans, tracking.features),
        ):
            read()
            begun = time.perf_counter()
            with self.cpu.measured() as one:
                read()
            used.append(one.used)
            seconds.append(time.perf_counter() - begun)
        yield "read_rows_against_columns", used[1] / used[0], ">= 4 (CPU)", used[1] / used[0] >= 4
        yield "read_rows_against_columns_clock", seconds[1] / seconds[0], "", True
        yield "read_detections_a_cpu_second", tracking.detections / used[0], "", True

    def lineage(self, tracking: TrackingRecord) -> Iterator[Figure]:
        """A founder's lineage with its detections, and the bare query for the same columns."""
        founders = self.founders(tracking)
        bare = latency(founders, lambda track: read_lineage(self.driver, track, tracking.features))
        ours = latency(founders, lambda track: self.store.lineages([track]))
        yield "lineage_against_bare_query", ours / bare, "<= 1.5", ours / bare <= 1.5

    def certainty(self) -> Iterator[Figure]:
        """A page of the least certain links, and of divisions: each looks at a whole tracking."""
        plain = lineages(self.sized(WRITTEN), seed=8)
        probability = np.random.default_rng(8).beta(20, 1, len(plain.links))
        tracking = write(self.store, replace(plain, probability=probability), "unsure")
        name, order = tracking.id, DivisionOrder.PROBABILITY
        links = self.cost([0] * 5, lambda _: self.store.links(name))
        yield "least_certain_links_us_a_link", links / tracking.links * 1e6, "", True
        divisions = self.cost([0] * 5, lambda _: self.store.divisions(name, order=order))
        yield "least_certain_divisions_us_a_track", divisions / tracking.tracks * 1e6, "", True

    def measured(self) -> Iterator[Figure]:
        """Pages in the order of a feature and statistics: each looks at a whole tracking."""
        tracking = write(self.store, lineages(self.sized(WRITTEN), seed=9), "measured")
        name, every = tracking.id, Window(0, 10**6)
        by_mean, by_area = TrackOrder(TrackKey.MEAN, "area"), FeatureOrder("area", descending=True)
        questions: dict[str, tuple[Callable[[int], object], int]] = {
            "tracks_by_mean_us_a_detection": (
                lambda _: self.store.tracks_by(name, by_mean),
                tracking.detections,
            ),
            "tracks_by_lifetime_us_a_track": (
                lambda _: self.store.tracks_by(name, TrackOrder(TrackKey.LIFETIME)),
                tracking.tracks,
            ),
            "detections_by_feature_us_a_detection": (
                lambda _: self.store.detections_by(name, by_area, every),
                tracking.detections,
            ),
            "frame_counts_us_a_track": (lambda _: self.store.frame_counts(name), tracking.tracks),
            "lives_us_a_track": (lambda _: self.store.lives(name), tracking.tracks),
            "sister_pairs_us_a_track": (lambda _: self.store.sisters(name), tracking.tracks),
        }
        for figure, (ask, things) in questions.items():
            yield figure, self.cost([0] * 5, ask) / things * 1e6, "", True

    def costs(self, tracking: TrackingRecord) -> dict[str, float]:
        """CPU seconds of each question."""
        store, founders, name = self.store, self.founders(tracking), tracking.id
        window = Window(30, 31, (100.0, 100.0, 200.0, 200.0))
        questions: dict[str, Callable[[int], object]] = {
            "lineage": lambda track: store.lineages([track]),
            "time_series": lambda track: store.time_series([track]),
            "track_by_label": lambda track: store.tracks(name, label=track % 2**32 + 1),
            "page_of_tracks": lambda track: store.tracks(name, after=track, first=50),
            "window": lambda _: store.detections(name, window),
            "sisters": lambda track: store.sisters_of([track + 1]),
            "descendants": lambda track: store.descendants_of([track]),
        }
        return {what: self.cost(founders, ask) for what, ask in questions.items()}

    def cost(self, keys: list[int], ask: Callable[[int], object]) -> float:
        """CPU seconds of a question, after all have been asked once: other work does not count."""
        for key in keys:
            ask(key)
        with self.cpu.measured() as asked:
            for key in keys:
                ask(key)
        return asked.used / len(keys)

    def founders(self, tracking: TrackingRecord) -> list[int]:
        """Ids of some, at random."""
        rows = np.random.default_rng(4).integers(0, tracking.tracks // 7, ASKED)
        return [tracking.first_id + int(row) for row in rows]


@contextmanager
def children_cpu() -> Iterator[Callable[[], float]]:
    """CPU seconds of this process and of those that it started and that have ended."""
    before = sum(os.times()[:4])
    yield lambda: sum(os.times()[:4]) - before


def latency(keys: list[int], ask: Callable[[int], object]) -> float:
    """Median time of a question, after all have been asked once."""
    seconds = []
    for repeat in range(2):
        for key in keys:
            begun = time.perf_counter()
            ask(key)
            if repeat:
                seconds.append(time.perf_counter() - begun)
    return median(seconds)


def figures(bench: Bench, address: ServerAddress, folder: Path) -> Iterator[Figure]:
    """Everything, the database growing meanwhile: the tracking that is asked stays the same."""
    asked = write(bench.store, lineages(bench.sized(STORED[0]), seed=5), "asked")
    small = bench.costs(asked)
    write(bench.store, lineages(bench.sized(STORED[1] - STORED[0]), seed=6), "grown")
    middle = bench.costs(asked)
    yield from bench.writing()
    written = bench.store.trackings([asked.movie_id])[-1]
    yield from bench.reading(written)
    yield from bench.certainty()
    yield from bench.measured()
    grown_mb, seconds = writer_memory(address, folder, bench.sized(STORED[2]))
    yield "writer_mb_over_columns_1M", grown_mb, "< 300", grown_mb < 300
    yield "writer_detections_a_second_1M", STORED[2] * bench.scale / seconds, "", True
    million = bench.store.trackings([asked.movie_id])[-1]
    yield from bench.lineage(million)
    yield from bench.offline(million, folder)
    large = bench.costs(asked)
    for name, before in small.items():
        yield f"{name}_cpu_ms_at_10k", before * 1e3, "", True
        yield f"{name}_at_100k_against_10k", middle[name] / before, "<= 1.5", middle[name] / before <= 1.5
        yield f"{name}_at_1M_against_10k", large[name] / before, "<= 1.5", large[name] / before <= 1.5


def main() -> None:
    """Print each figure as soon as it is known."""
    scale = asked_scale(__doc__)
    with fresh_server() as (folder, server, address):
        running = ServerProcess.find(server.home)
        assert running is not None
        login = (address.user, address.password)
        with (
            GraphDatabase.driver(address.uri, auth=login, notifications_min_severity="OFF") as driver,
            LineageStore(Connection(Credentials(address.uri, *login)), PixelStore(folder)) as store,
        ):
            tell(figures(Bench(store, driver, Cpu(running.process), scale), address, folder))


if __name__ == "__main__":
    main()
