"""A store as files that need no Neo4j to be read: columns, JSON and Zarr; and back into any store."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from graph.pixels import PixelStore
from graph.provenance import Provenance
from graph.records import MovieRecord, TrackingKind, TrackingRecord
from graph.scores.parameters import ScoreParameters
from graph.store import LineageStore
from ingest.errors import ConflictError, InputError, NotFoundError, StoreError
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections, TrackingGraph

MOVIES, SCORES, TRACKINGS, PIXELS = "movies.json", "scores.json", "trackings", "pixels"


def write_export(store: LineageStore, folder: Path, progress: Progress = silent) -> None:
    """Write all movies, complete trackings and scores into an empty folder.

    A tracking that is removed before its turn is left out.

    Raises:
        ConflictError: the rows of a tracking are not those that were written.
    """
    movies = store.movies()
    trackings = store.trackings([movie.id for movie in movies])
    _write_json(folder / MOVIES, [asdict(movie) for movie in movies])
    (folder / TRACKINGS).mkdir()
    for tracking in progress(trackings, "Exporting trackings"):
        graph = _graph_unless_removed(store, tracking.id)
        if graph is not None:
            _write_json(folder / TRACKINGS / f"{tracking.id}.json", asdict(tracking))
            _write_graph(folder / TRACKINGS / f"{tracking.id}.npz", graph)
    held = {tracking.id for tracking in exported_trackings(folder)}
    scores = [asdict(s) for s in store.scores(sorted(held)) if {s.computed_id, s.reference_id} <= held]
    _write_json(folder / SCORES, scores)


def read_export(
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
        InputError: a file is missing or damaged.
        StoreError: a tracking came out as another one: its files were changed.
    """
    with reading(folder):
        for movie in json.loads((folder / MOVIES).read_text("utf-8")):
            times = {"created": datetime.fromisoformat(movie["created"])}
            store.restore_movie(MovieRecord(**movie | times | {"channels": tuple(movie["channels"])}))
        for tracking in progress(exported_trackings(folder), "Restoring trackings"):
            _restore(store, tracking, folder, imported=imported)


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Say what is wrong with an export that cannot be read.

    Raises:
        InputError: a file is missing or damaged.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"an export that is not whole ({error})", place=str(folder), remedy="use another backup"
        ) from error


def exported_trackings(folder: Path) -> list[TrackingRecord]:
    """What an export says of its trackings, in the order in which a store gives them numbers."""
    return sorted(_trackings(folder), key=lambda tracking: tracking.number)


def exported_graph(folder: Path, tracking: TrackingRecord) -> TrackingGraph:
    """One of its trackings."""
    return _read_graph(folder / TRACKINGS / f"{tracking.id}.npz", tracking.features)


def exported_scores(folder: Path) -> list[tuple[str, str, ScoreParameters]]:
    """Which trackings an export has scores of: the computed one, its reference, and how; the oldest first.

    Raises:
        InputError: the file is missing or damaged.
    """
    with reading(folder):
        return [
            (score["computed_id"], score["reference_id"], ScoreParameters.from_dict(score["parameters"]))
            for score in json.loads((folder / SCORES).read_text("utf-8"))
        ]


def _trackings(folder: Path) -> Iterator[TrackingRecord]:
    for file in (folder / TRACKINGS).glob("*.json"):
        properties = json.loads(file.read_text("utf-8"))
        known: dict[str, Any] = {
            "kind": TrackingKind(properties["kind"]),
            "features": tuple(properties["features"]),
            "provenance": Provenance.of(properties["provenance"]),
            "created": datetime.fromisoformat(properties["created"]),
        }
        yield TrackingRecord(**properties | known)


def _restore(store: LineageStore, tracking: TrackingRecord, folder: Path, *, imported: bool) -> None:
    pixels = PixelStore(folder / PIXELS)
    labels = pixels.labels(tracking.id) if pixels.has(tracking.id) else None
    graph = exported_graph(folder, tracking)
    restored = store.restore_tracking(tracking, graph, labels, imported=imported)
    if restored.id != tracking.id:
        raise StoreError(
            f"tracking {tracking.id} came out as {restored.id}: its content is not what was exported",
            place=str(folder),
            remedy=f"use another backup; `{restored.id}` is what the files hold now",
        )


def copy_pixels(source: Path, target: Path) -> None:
    """Copy the label images of whole trackings that the target lacks; each appears complete or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    for images in source.glob("*.zarr"):
        if not (target / images.name).exists():
            part = target / f".copying-{images.name}"
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(images, part)
            part.rename(target / images.name)


def _graph_unless_removed(store: LineageStore, tracking_id: str) -> TrackingGraph | None:
    try:
        return store.tracking_graph(tracking_id)
    except (NotFoundError, ConflictError):
        if store.trackings_by_id([tracking_id]):
            raise  # it is there, but damaged
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


def _write_json(file: Path, value: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> None:
    file.write_text(json.dumps(value, default=_plain, indent=1), "utf-8")


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
