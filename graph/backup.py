"""Backups in a folder: a dump of the managed server, or an export from any; each with its label images."""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from graph.bulk_import import ImportFiles
from graph.export import PIXELS, exported_graph, exported_trackings, write_export
from graph.pixels import PixelStore
from graph.records import TrackingRecord
from graph.schema import SCHEMA_VERSION
from graph.server import ManagedServer
from graph.server_admin import DUMP, dump, import_files, load
from graph.store import LineageStore
from ingest.errors import ConflictError, InputError, StoreError
from ingest.progress import Progress, silent

MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    Attributes:
        kind: `dump` of a managed server, or `export`.
        cellkin, schema: versions of the program and of the schema that wrote it.
        created: when, ISO 8601.
        trackings: number of detections of each complete tracking, by its id.
    """

    kind: str
    cellkin: str
    schema: int
    created: str
    trackings: dict[str, int]
    format: int = FORMAT

    @classmethod
    def of(cls, store: LineageStore, kind: str) -> "Manifest":
        """What a store holds now."""
        return cls.of_trackings(store.trackings([movie.id for movie in store.movies()]), kind)

    @classmethod
    def of_trackings(cls, trackings: Iterable[TrackingRecord], kind: str) -> "Manifest":
        """These trackings."""
        held = {tracking.id: tracking.detections for tracking in trackings}
        return cls(kind, version("cellkin"), SCHEMA_VERSION, datetime.now(UTC).isoformat(), held)


def read_manifest(folder: Path) -> Manifest:
    """What the backup in a folder holds.

    Raises:
        InputError: there is none, or a newer cellkin wrote it.
    """
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise InputError(
            f"no backup that can be read: {MANIFEST}: {reason}",
            place=str(folder),
            remedy="name a folder that `cellkin backup` wrote, and that you may read",
        ) from error
    if manifest.format > FORMAT or manifest.schema > SCHEMA_VERSION:
        raise InputError(
            f"a backup by cellkin {manifest.cellkin}", place=str(folder), remedy="update cellkin to it"
        )
    return manifest


def export_to(store: LineageStore, pixels: PixelStore, folder: Path, progress: Progress = silent) -> Manifest:
    """Back up any store, while it is in use: every tracking that is complete when its turn comes.

    A tracking that is removed before its turn is over is neither in the backup nor in its manifest.

    Raises:
        InputError: the folder exists already, or cannot be written.
    """
    with _new_folder(folder) as part:
        write_export(store, pixels, part, progress)
        manifest = Manifest.of_trackings(exported_trackings(part), "export")
        _write_manifest(part, manifest)
    return manifest


def dump_to(
    server: ManagedServer, manifest: Manifest, pixels: PixelStore, folder: Path, progress: Progress = silent
) -> None:
    """Back up a managed server, which is stopped for it and started again if it ran.

    Args:
        server: with its database.
        manifest: what it holds.
        pixels: its label images.
        folder: where to; made.
        progress: told of the steps.

    Raises:
        InputError: the folder exists already, or cannot be written.
        ConflictError: another process starts or stops the server.
    """
    with _new_folder(folder) as part:
        with server.stopped(progress=progress):
            for step in progress((dump,), "Dumping the database"):
                step(server, part)
        PixelStore(part / PIXELS).copy_all(pixels)
        _write_manifest(part, manifest)


def restore_dump(
    server: ManagedServer, pixels: PixelStore, folder: Path, progress: Progress = silent
) -> None:
    """Put a dump in the place of a managed server's database, whatever that holds.

    Raises:
        InputError: there is no dump, or label images cannot be copied; the server goes on as it was.
        StoreError: Neo4j cannot load it; the database is then not to be used before another restore.
    """
    if not (folder / DUMP).is_file():
        raise InputError(f"no {DUMP} in this backup", place=str(folder), remedy="use another backup")
    try:
        pixels.copy_all(PixelStore(folder / PIXELS))
    except OSError as error:
        raise InputError(
            f"label images cannot be copied ({error.strerror or error})",
            place=str(error.filename or folder),
            remedy="see that the backup can be read, and the data folder written and has room",
        ) from error
    with server.stopped(progress=progress):
        for step in progress((load,), "Loading the database"):
            step(server, folder)


def import_export(server: ManagedServer, folder: Path, progress: Progress = silent) -> None:
    """Put the detections, tracks and links of an export in the place of a managed server's database.

    Neo4j's own import does it, at three fifths of the cost of writing them. The server stops only once the
    files for that are ready. Nobody sees what is in them until `restore_export(…, imported=True)` has added
    the trackings that they belong to.

    Raises:
        InputError: the export is damaged, or a feature cannot be imported; the server goes on as it was.
        StoreError: the files for it cannot be written; or Neo4j cannot import them, and the database is then
            not to be used before another restore.
    """
    trackings = exported_trackings(folder)
    with server.import_folder() as prepared:
        files = ImportFiles(prepared)
        for number, tracking in enumerate(progress(trackings, "Preparing the import"), start=1):
            files.add(exported_graph(folder, tracking), number)
        arguments = prepared / "arguments"
        arguments.write_text("".join(f'"{line}"\n' for line in files.arguments()), "utf-8")
        with server.stopped(progress=progress):
            for step in progress((import_files,), "Importing"):
                step(server, arguments)


def require_restored(store: LineageStore, manifest: Manifest) -> None:
    """Hold a store against what a backup says it holds.

    Raises:
        StoreError: a tracking is missing or has another size.
    """
    found = store.trackings_by_id(list(manifest.trackings))
    for tracking, detections in manifest.trackings.items():
        if tracking not in found or found[tracking].detections != detections:
            raise StoreError(
                f"tracking {tracking} with {detections:,} detections is not as it was",
                place="restored database",
                remedy="use another backup",
            )


def require_empty(store: LineageStore, place: Path) -> None:
    """Refuse to overwrite what is there.

    Raises:
        ConflictError: there are movies.
    """
    if held := len(store.movies()):
        raise ConflictError(
            f"the database holds {held} movies, which a restored dump would replace",
            place=str(place),
            remedy="restore into another CELLKIN_DATA_FOLDER, or give --replace",
        )


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), "utf-8")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder that appears when all of it is there."""
    part = folder.with_name(f".{folder.name}.part")
    try:
        if folder.exists():
            raise InputError("it exists already", place=str(folder), remedy="name a new folder")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        part.rename(folder)
    except OSError as error:
        raise InputError(
            f"the backup cannot be written: {error.strerror or error}",
            place=str(error.filename or folder),
            remedy="make the folder writable and free some space, or choose another one",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
