"""A service over a test's store, and drawings stored in it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket
from threading import Thread
from types import MappingProxyType
from typing import Any

import httpx2
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.app import create_app
from api.limits import Limits
from api.serve import server_options
from api.settings import Settings
from graph.records import TrackingKind, TrackingRecord
from graph.store import LineageStore
from ingest.movie import LabelImages, Movie
from ingest.tracking_graph import Detections, TrackingGraph
from tests.lineages import Drawing

PIXEL_SIZE = 0.5
MINUTES = 10.0


@dataclass(frozen=True)
class Service:
    """The application and a client of it, in one process."""

    client: TestClient

    def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer to a GraphQL query."""
        response = self.client.post("/graphql", json={"query": query, "variables": variables})
        assert response.status_code in (200, 503), response.text
        assert (response.status_code == 503) == ("retry-after" in response.headers)
        answer: dict[str, Any] = response.json()
        return answer

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = self.answer(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def error(self, query: str, **variables: Any) -> dict[str, Any]:
        """The one error of an answer."""
        (error,) = self.answer(query, **variables)["errors"]
        assert isinstance(error, dict)
        return error

    def track_id(self, tracking: TrackingRecord, label: int) -> str:
        """Id of the track with a label."""
        query = "query($t: ID!, $l: Int!) { tracking(id: $t) { track(label: $l) { id } } }"
        found: str = self.data(query, t=tracking.id, l=label)["tracking"]["track"]["id"]
        return found


def app_of(store: LineageStore, folder: Path, limits: Limits | None = None, **settings: Any) -> Starlette:
    return create_app(Settings(data_folder=folder, **settings), store, limits or Limits())


def service_of(store: LineageStore, folder: Path, limits: Limits | None = None, **settings: Any) -> Service:
    app = app_of(store, folder, limits, **settings)
    return Service(TestClient(app, base_url="http://localhost", raise_server_exceptions=False))


@contextmanager
def listening(app: Starlette) -> Iterator[str]:
    """Serve the service on a free loopback port; its address."""
    with listening_to(app) as address:
        _await(address)
        yield address


@contextmanager
def listening_to(app: Starlette) -> Iterator[str]:
    """Serve any application on a free loopback port; its address, which takes connections from now on."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        free.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, **server_options()))
        thread = Thread(target=server.run, kwargs={"sockets": [free]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{free.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _await(address: str) -> None:
    transport = httpx2.HTTPTransport(retries=20)
    with httpx2.Client(transport=transport) as client:
        assert client.get(f"{address}/healthz").status_code == 200


def put(
    store: LineageStore,
    drawing: Drawing,
    *,
    kind: TrackingKind = TrackingKind.PREDICTED,
    author: str = "lap",
    labels: bool = True,
    calibrated: bool = True,
    graph: TrackingGraph | None = None,
    version: str = "1",
    parameters: Mapping[str, Any] = MappingProxyType({"reach": 4.0}),
    movie_of: Drawing | None = None,
) -> TrackingRecord:
    """Store a drawing as a tracking of its movie, or of another's, 0.5 µm a pixel and 10 min a frame."""
    frames = (movie_of or drawing).labels.astype(np.uint16)
    calibration = {"pixel_size": PIXEL_SIZE, "minutes_per_frame": MINUTES} if calibrated else {}
    movie = store.add_movie(Movie.from_array(frames, name="drawn", **calibration))  # type: ignore[arg-type]
    return store.write_tracking(
        movie.id,
        graph or drawing.graph,
        LabelImages.from_array(drawing.labels) if labels else None,
        kind=kind,
        author=author,
        version=version,
        parameters=dict(parameters),
    )


def with_feature(graph: TrackingGraph, name: str, values: Any) -> TrackingGraph:
    """The same graph with one more measured feature."""
    old = graph.detections
    column = np.asarray(values, np.float64)
    detections = Detections(old.frame, old.label, old.y, old.x, {**old.features, name: column})
    return replace(graph, detections=detections)


def removing(tracking_id: str, read: Callable[..., Any]) -> Callable[..., Any]:
    """A method of the store that finds the tracking gone: somebody removed it just before."""

    def read_too_late(store: LineageStore, *args: Any, **kwargs: Any) -> Any:
        store.delete_tracking(tracking_id)
        return read(store, *args, **kwargs)

    return read_too_late
