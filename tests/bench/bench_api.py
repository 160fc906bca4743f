"""The service against the store that it asks, over real HTTP, each in its own process: `make bench-api`.

Prints a line a figure: name, value, goal, `ok` or `short`. What is compared takes turns, and medians or the
least are compared, since other work comes and goes. `--scale 0.1` takes a tenth of the data and time.
"""

import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import httpx2
import numpy as np
import pyarrow.parquet

from graph.connection import Connection, Credentials
from graph.pixels import PixelStore
from graph.records import TrackingRecord
from graph.store import LineageStore
from tests.bench.fresh_server import Figure, asked_scale, fresh_server, tell
from tests.bench.lineages import DETECTIONS_A_LINEAGE, lineages
from tests.bench.service_process import ServiceProcess, serving
from tests.bench.store_writer import write

STORED, WHOLE = 1_000_000, 100_000
"""Detections in the database, and in the movie that is read whole."""
CLIENTS, LOAD_S = 32, 60.0
ASKED, TURNS, PAGE = 40, 3, 200

LINEAGE = """query($track: ID!) { lineage(track: $track) {
  tracks { label parentId generation begin end }
  divisions { frame mother { label } daughters { label } }
} }"""
MEASURED = """query($track: ID!) { lineage(track: $track) {
  tracks { label timeSeries { frame columns { name values } } }
} }"""
TRACKS = """query($id: ID!, $first: Int!, $after: String) { tracking(id: $id) {
  tracks(first: $first, after: $after) {
    nodes { id parentId founderId generation timeSeries { frame label columns { name values } } }
    pageInfo { hasNextPage endCursor }
  }
} }"""
CELLS = """query($id: ID!, $after: String) { tracking(id: $id) {
  detections(first: 1000, after: $after) {
    nodes {
      id frame label y x area perimeter eccentricity boundingBox { y0 x0 y1 x1 } intensities { mean sd }
      track { id parentId founderId generation }
    }
    pageInfo { hasNextPage endCursor }
  }
} }"""
DIVISIONS = (
    """query($id: ID!) { tracking(id: $id) { divisions(first: 50) { nodes { frame mother { label } } } } }"""
)


@dataclass
class Bench:
    """One server, the store on it, and the service on it in another process."""

    store: LineageStore
    service: ServiceProcess
    client: httpx2.Client
    scale: float

    def ask(self, query: str, client: httpx2.Client | None = None, **variables: Any) -> dict[str, Any]:
        """Data of an answer, which has no errors."""
        response = (client or self.client).post("/graphql", json={"query": query, "variables": variables})
        answer: dict[str, Any] = response.raise_for_status().json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def lineage(self, tracking: TrackingRecord) -> Iterator[Figure]:
        """A founder's lineage: through the store here, and through the service."""
        founders = founders_of(tracking)
        asks: list[Callable[[int], object]] = [
            lambda track: self.store.lineages([track]),
            lambda track: self.ask(LINEAGE, track=str(track)),
            lambda track: self.ask(MEASURED, track=str(track)),
        ]
        of_store, of_service, measured = medians(founders, asks)
        ratio = of_service / of_store
        yield "lineage_p50_ms_of_store", of_store * 1e3, "", True
        yield "lineage_p50_against_store", ratio, "<= 2", ratio <= 2
        yield "lineage_with_all_series_p50_against_store", measured / of_store, "", True

    def whole_movie(self, tracking: TrackingRecord) -> Iterator[Figure]:
        """All detections of a movie: as columns from the store, as a file made anew, in pages of GraphQL."""
        columns = min(seconds(lambda: self.store.tracking_graph(tracking.id)) for _ in range(TURNS))
        made = min(seconds(lambda: self.parquet(tracking)) for _ in range(TURNS))
        paged, objects = (seconds(partial(pages, tracking)) for pages in (self.pages, self.object_pages))
        kept = min(seconds(lambda: self.get(tracking)) for _ in range(TURNS))
        yield "parquet_made_rows_a_second", tracking.detections / made, "", True
        yield "parquet_kept_rows_a_second", tracking.detections / kept, "", True
        yield "parquet_made_against_pages", objects / made, ">= 10 (rows/s)", objects / made >= 10
        yield "parquet_made_against_pages_of_columns", paged / made, ">= 10 (rows/s)", paged / made >= 10
        yield "parquet_made_against_columns", made / columns, "<= 2", made / columns <= 2

    def parquet(self, tracking: TrackingRecord) -> None:
        """Have the file made anew."""
        shutil.rmtree(self.service.folder / "tables", ignore_errors=True)
        self.get(tracking)

    def get(self, tracking: TrackingRecord) -> None:
        """Read it over HTTP into memory."""
        content = self.client.get(f"/trackings/{tracking.id}/timeseries.parquet").raise_for_status().content
        assert pyarrow.parquet.read_table(BytesIO(content)).num_rows == tracking.detections

    def pages(self, tracking: TrackingRecord) -> None:
        """The same through GraphQL, to the end, in its cheapest form: columns."""
        rows, after, more = 0, None, True
        while more:
            page = self.ask(TRACKS, id=tracking.id, first=PAGE, after=after)["tracking"]["tracks"]
            rows += sum(len(track["timeSeries"]["frame"]) for track in page["nodes"])
            more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
        assert rows == tracking.detections

    def object_pages(self, tracking: TrackingRecord) -> None:
        """The same as the objects that the connection of detections gives."""
        rows, after, more = 0, None, True
        while more:
            page = self.ask(CELLS, id=tracking.id, after=after)["tracking"]["detections"]
            rows += len(page["nodes"])
            more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
        assert rows == tracking.detections

    def load(self, tracking: TrackingRecord) -> Iterator[Figure]:
        """Clients that all ask at once, each its own questions, for a while."""
        until = time.monotonic() + LOAD_S * self.scale
        with ThreadPoolExecutor(CLIENTS) as threads:
            futures = [threads.submit(self.client_until, until, tracking, seed) for seed in range(CLIENTS)]
            waited = [one for future in futures for one in future.result()]
        failed = sum(isinstance(one, str) for one in waited)
        for error in sorted({one for one in waited if isinstance(one, str)})[:5]:
            print(f"# {error}")
        answered = [one for one in waited if isinstance(one, float)]
        yield "clients_32_errors", failed, "= 0", failed == 0
        yield "clients_32_answers_a_second", len(answered) / (LOAD_S * self.scale), "", True
        yield "clients_32_p95_s", float(np.quantile(answered, 0.95)), "", True

    def client_until(self, until: float, tracking: TrackingRecord, seed: int) -> list[float | str]:
        """What each question of one client took, or why it failed."""
        rng, waited = np.random.default_rng(seed), list[float | str]()
        with httpx2.Client(base_url=self.service.address, timeout=120) as client:
            while time.monotonic() < until:
                begun = time.perf_counter()
                try:
                    self.question(client, tracking, rng)
                except (httpx2.HTTPError, AssertionError) as error:
                    waited.append(repr(error)[:300])
                else:
                    waited.append(time.perf_counter() - begun)
        return waited

    def question(self, client: httpx2.Client, tracking: TrackingRecord, rng: np.random.Generator) -> None:
        """One of those that a person, a script and a program ask."""
        track = str(tracking.first_id + int(rng.integers(tracking.tracks)))
        begin = int(rng.integers(80))
        match rng.integers(10):
            case 0:
                self.ask(DIVISIONS, client, id=tracking.id)
            case 1:
                self.ask(TRACKS, client, id=tracking.id, first=20)
            case 2:
                path = f"/trackings/{tracking.id}/detections.csv?frames={begin}&min_frames=50"
                client.get(path).raise_for_status()
            case 3:
                self.ask(MEASURED, client, track=track)
            case _:
                self.ask(LINEAGE, client, track=track)


def founders_of(tracking: TrackingRecord) -> list[int]:
    """Ids of some founders, at random."""
    rows = np.random.default_rng(4).integers(0, tracking.tracks // 7, ASKED)
    return [tracking.first_id + int(row) for row in rows]


def medians(keys: list[int], asks: list[Callable[[int], object]]) -> list[float]:
    """Median seconds of each question, asked in turns, after all have been asked twice."""
    taken: list[list[float]] = [[] for _ in asks]
    for repeat in range(2 + TURNS):
        for key in keys:
            for ask, times in zip(asks, taken, strict=True):
                one = seconds(lambda ask=ask, key=key: ask(key))  # type: ignore[misc]
                if repeat >= 2:
                    times.append(one)
    return [statistics.median(times) for times in taken]


def seconds(work: Callable[[], object]) -> float:
    """What it takes by the clock."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def sized(detections: float, scale: float) -> int:
    """Number of lineages."""
    return max(2, round(detections * scale / DETECTIONS_A_LINEAGE))


def figures(bench: Bench) -> Iterator[Figure]:
    """Everything, in a database that is full already."""
    whole = write(bench.store, lineages(sized(WHOLE, bench.scale), seed=1), "whole")
    large = write(bench.store, lineages(sized(STORED - WHOLE, bench.scale), seed=2), "others")
    yield from bench.lineage(large)
    yield from bench.whole_movie(whole)
    before = bench.service.peak_mb
    yield "peak_mb_before_the_largest_table", before, "", True
    bench.parquet(large)
    yield (
        "peak_mb_more_for_a_table_of_900k",
        bench.service.peak_mb - before,
        "< 300",
        bench.service.peak_mb - before < 300,
    )
    yield from bench.load(large)
    yield "peak_mb", bench.service.peak_mb, "< 1000", bench.service.peak_mb < 1000


def main() -> None:
    """Print each figure as soon as it is known."""
    scale = asked_scale(__doc__)
    with fresh_server() as (folder, _, address):
        login = Credentials(address.uri, address.user, address.password)
        with (
            LineageStore(Connection(login), PixelStore(folder / "pixels")) as store,
            serving(address, folder / "data") as service,
            httpx2.Client(base_url=service.address, timeout=600) as client,
        ):
            tell(figures(Bench(store, service, client, scale)))


if __name__ == "__main__":
    main()
