"""A store as files that need no Neo4j to be read: columns, JSON and Zarr; and back into any store."""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from graph.pixels import PixelStore
from graph.provenance import Provenance
from graph.records import MovieRecord, TrackingKind, TrackingRecord
from graph.scores.parameters import ScoreParameters
from graph.store import LineageStore
from ingest.errors import ConflictError, InputError, NotFoundError, StoreError
from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections, TrackingGraph

MOVIES, SCORES, TRACKINGS, PIXELS = "movies.json", "scores.json", "trackings", "pixels"


def write_export(store: LineageStore, pixels: PixelStore, folder: Path, progress: Progress = silent) -> None:
    """Write all movies, complete trackings with their label images, and scores into an empty folder.

    A tracking that is removed before its turn is over is left out, with its scores.

    Raises:
        ConflictError: the rows of a tracking are not those that were written.
        OSError: something cannot be read or written.
    """
    movies = store.movies()
    trackings = store.trackings([movie.id for movie in movies])
    _write_json(folder / MOVIES, [asdict(movie) for movie in movies])
    (folder / TRACKINGS).mkdir()
    target = PixelStore(folder / PIXELS)
    for tracking in progress(trackings, "Exporting trackings"):
        graph = _exported_unless_removed(store, pixels, target, tracking.id)
        if graph is not None:
            _write_json(folder / TRACKINGS / f"{tracking.id}.json", asdict(tracking))
            _write_graph(folder / TRACKINGS / f"{tracking.id}.npz", graph)
    held = {tracking.id for tracking in exported_trackings(folder)}
    scores = [asdict(s) for s in store.scores(sorted(held)) if {s.computed_id, s.reference_id} <= held]
    _write_json(folder / SCORES, scores)


def restore_export(
    store: LineageStore, folder: Path, progress: Progress = silent, *, imported: bool = False
) -> None:
    """Put its movies and trackings into a store; what is there is found, so one cut short runs again.

    Its scores are `exported_scores`, to be computed again, with their errors, from the trackings.

    Args:
        store: where to.
        folder: of the export.
        progress: told of each tracking.
        imported: the rows are there already (`backup.import_export`), and the store holds nothing else.

    Raises:
        InputError: a file is missing or damaged; what was whole is restored.
        StoreError: a tracking came out as another one: its files were changed.
    """
    movies, trackings = _movies(folder), exported_trackings(folder)
    for movie in movies:
        store.restore_movie(movie)
    for tracking in progress(trackings, "Restoring trackings"):
        _restore(store, tracking, folder, imported=imported)


def exported_trackings(folder: Path) -> list[TrackingRecord]:
    """What an export says of its trackings, in the order in which a store gives them numbers.

    Raises:
        InputError: a file is missing or damaged.
    """
    with _reading(folder / TRACKINGS):
        files = [file for file in (folder / TRACKINGS).iterdir() if file.suffix == ".json"]
    return sorted(map(_tracking, files), key=lambda tracking: tracking.number)


def exported_graph(folder: Path, tracking: TrackingRecord) -> TrackingGraph:
    """One of its trackings.

    Raises:
        InputError: the file is missing or damaged.
    """
    file = folder / TRACKINGS / f"{tracking.id}.npz"
    with _reading(file):
        return _read_graph(file, tracking.features)


@dataclass(frozen=True)
class ExportedScore:
    """Which trackings an export has a score of.

    Attributes:
        computed, reference: their ids.
        parameters: how they were compared.
        created: when it was written; None where the export does not say.
    """

    computed: str
    reference: str
    parameters: ScoreParameters
    created: datetime | None


def exported_scores(folder: Path) -> list[ExportedScore]:
    """The scores of an export, the oldest first.

    Raises:
        InputError: the file is missing or damaged.
    """
    file = folder / SCORES
    with _reading(file):
        return [
            ExportedScore(
                score["computed_id"],
                score["reference_id"],
                ScoreParameters.from_dict(score["parameters"]),
                datetime.fromisoformat(score["created"]) if score.get("created") else None,
            )
            for score in _read_json(file)
        ]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say what is wrong with a file, or a folder, of an export that cannot be read.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        yield
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
        EOFError,
        BadZipFile,
        zlib.error,
    ) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(
            f"an export that is not whole ({said})", place=str(path), remedy="use another backup"
        ) from error


def _movies(folder: Path) -> list[MovieRecord]:
    file = folder / MOVIES
    with _reading(file):
        return [
            MovieRecord(
                **movie
                | {"created": datetime.fromisoformat(movie["created"]), "channels": tuple(movie["channels"])}
            )
            for movie in _read_json(file)
        ]


def _tracking(file: Path) -> TrackingRecord:
    with _reading(file):
        properties = _read_json(file)
        known: dict[str, Any] = {
            "kind": TrackingKind(properties["kind"]),
            "features": tuple(properties["features"]),
            "provenance": Provenance.of(properties["provenance"]),
            "created": datetime.fromisoformat(properties["created"]),
        }
        return TrackingRecord(**properties | known)


def _restore(store: LineageStore, tracking: TrackingRecord, folder: Path, *, imported: bool) -> None:
    graph, labels = exported_graph(folder, tracking), _labels(folder, tracking.id)
    restored = store.restore_tracking(tracking, graph, labels, imported=imported)
    if restored.id != tracking.id:
        raise StoreError(
            f"tracking {tracking.id} came out as {restored.id}: its content is not what was exported",
            place=str(folder),
            remedy=f"use another backup; `{restored.id}` is what the files hold now",
        )


def _labels(folder: Path, tracking_id: str) -> LabelImages | None:
    """Its label images, read a frame at a time; None where the export has none."""
    pixels = PixelStore(folder / PIXELS)
    if not pixels.has(tracking_id):
        return None
    with _reading(pixels.folder):
        images = pixels.labels(tracking_id)

    def read(t: int) -> npt.NDArray[Any]:
        with _reading(Path(images.source)):
            return images.read(t)

    return LabelImages(images.shape, read, images.source)


def _exported_unless_removed(
    store: LineageStore, pixels: PixelStore, target: PixelStore, tracking_id: str
) -> TrackingGraph | None:
    """Copy its label images and read its rows; None, and nothing copied, where it is removed meanwhile."""
    try:
        target.copy(pixels, tracking_id)
        return store.tracking_graph(tracking_id)  # after the copy: it is hidden before its images go
    except (NotFoundError, ConflictError, OSError):
        if store.trackings_by_id([tracking_id]):
            raise  # it is there, but damaged
        target.delete(tracking_id)
        return None


def _write_graph(file: Path, graph: TrackingGraph) -> None:
    cells = graph.detections
    columns: dict[str, Any] = {"frame": cells.frame, "label": cells.label, "y": cells.y, "x": cells.x}
    columns["features"] = np.array(list(cells.features.values())).reshape(len(cells.features), len(cells))
    columns |= {"links": graph.links, "kind": graph.kind}
    if graph.probability is not None:
        columns["probability"] = graph.probability
    np.savez_compressed(file, **columns)


def _read_graph(file: Path, features: tuple[str, ...]) -> TrackingGraph:
    with np.load(file, allow_pickle=False) as held:
        columns = {name: held[name] for name in held.files}
    named = dict(zip(features, columns.pop("features"), strict=True))
    frame, label, y, x = (columns.pop(name) for name in ("frame", "label", "y", "x"))
    cells = Detections(frame, label, y, x, named)
    return TrackingGraph(cells, **columns)


def _read_json(file: Path) -> Any:  # noqa: ANN401 - as the file has it
    return json.loads(file.read_text("utf-8"))


def _write_json(file: Path, value: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> None:
    file.write_text(json.dumps(value, default=_plain, indent=1), "utf-8")


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
