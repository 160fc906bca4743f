"""The store as the commands use it: opened and filled."""

import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from api.pipeline import TrackedMovie
from api.settings import Settings
from graph.connection import Connection, Credentials
from graph.content import movie_id
from graph.pixels import PixelStore
from graph.provenance import UNKNOWN, Provenance
from graph.records import TrackingKind, TrackingRecord
from graph.server import ManagedServer, ServerAddress
from graph.server_use import server_in_use
from graph.store import LineageStore
from ingest.errors import InputError
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.tracking_graph import TrackingGraph


@dataclass(frozen=True)
class OpenStore:
    """A store and where its database is; the address is None for a database of the user's own."""

    store: LineageStore
    address: ServerAddress | None


def managed_server(settings: Settings) -> ManagedServer:
    """The local Neo4j of this data folder, running or not."""
    return ManagedServer(settings.data_folder / "neo4j", settings.cache_folder)


@contextmanager
def open_store(settings: Settings, progress: Progress = silent) -> Iterator[OpenStore]:
    """Open the user's own database, or the managed one; what had to be started for it is stopped afterwards.

    Raises:
        StoreError: the database cannot be reached or started.
    """
    pixels = PixelStore(settings.data_folder / "pixels")
    if settings.neo4j_uri is not None:
        with LineageStore(Connection(settings.credentials), pixels) as store:
            yield OpenStore(store, None)
        return
    with server_in_use(managed_server(settings), progress) as address:
        credentials = Credentials(address.uri, address.user, address.password)
        with LineageStore(Connection(credentials), pixels) as store:
            yield OpenStore(store, address)


def store_tracked(store: LineageStore, tracked: TrackedMovie, progress: Progress = silent) -> TrackingRecord:
    """Write a tracked movie as a prediction by its tracker, in this version of cellkin."""
    return store_tracking(
        store,
        tracked.movie,
        tracked.graph,
        tracked.labels,
        kind=TrackingKind.PREDICTED,
        author=tracked.tracker,
        parameters=tracked.parameters,
        provenance=_provenance(tracked),
        progress=progress,
    )


def store_tracking(
    store: LineageStore,
    movie: Movie,
    graph: TrackingGraph,
    labels: LabelImages,
    *,
    kind: TrackingKind,
    author: str,
    parameters: Mapping[str, object],
    provenance: Provenance = UNKNOWN,
    progress: Progress = silent,
) -> TrackingRecord:
    """Write a movie's record and one tracking of it; what is there already is found, not doubled."""
    record = store.add_movie(movie)
    return store.write_tracking(
        record.id,
        graph,
        labels,
        kind=kind,
        author=author,
        version=version("cellkin"),
        parameters=parameters,
        provenance=provenance,
        progress=progress,
    )


def parameters_of_given(
    store: LineageStore, movie: Movie, source: str, curated_from: str | None
) -> Mapping[str, object]:
    """The parameters of a tracking that exists already.

    Args:
        store: where the tracking goes.
        movie: its frames.
        source: what it was read from, as its user calls it.
        curated_from: id of the tracking of the same movie that it corrects, if it does; it takes that one's
            place where scores are looked at.

    Raises:
        NotFoundError: there is no tracking of that id.
        InputError: that one is of another movie.
    """
    if curated_from is None:
        return {"source": source}
    if store.tracking(curated_from).movie_id != movie_id(movie.fingerprint()):
        raise InputError(
            f"curated from tracking {curated_from}, which is of another movie",
            place=source,
            remedy="name the tracking of this movie that it corrects",
        )
    return {"source": source, "curated_from": curated_from}


def provenance_of_folder(labels: LabelImages) -> Provenance:
    """Where a tracking in the Cell Tracking Challenge's format comes from: the text file beside its masks."""
    for table in sorted(Path(labels.source).glob("*_track.txt")):
        return Provenance(source=str(table), source_checksum=sha256(table.read_bytes()).hexdigest())
    return UNKNOWN


def _provenance(tracked: TrackedMovie) -> Provenance:
    segmentation = tracked.parameters["segmentation"]
    given = isinstance(segmentation, Mapping) and "labels" in segmentation
    return Provenance(
        source=tracked.movie.source or None,
        source_checksum=tracked.movie.fingerprint(),
        segmenter="label images that were given" if given else f"cellkin {version('cellkin')}",
        seconds=sum(tracked.seconds.values()),
        weights_checksum=tracked.weights,
        device=tracked.device or f"cpu {platform.machine()}",
    )
