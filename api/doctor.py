"""Whether everything that cellkin needs is there and whole, and the remedy for what is not."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from api.settings import Settings
from api.stored import open_store
from graph.schema import SCHEMA_VERSION
from graph.store import LineageStore
from ingest.errors import CellkinError
from ingest.loops import compiled
from ingest.progress import Progress, silent

MINIMUM_FREE_BYTES = 2 * 1024**3
"""A million detections with their links, features and transaction log take about 1 GB."""


@dataclass(frozen=True)
class Finding:
    """One check: what was found, and the remedy where it is not as it should be."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


def examine(settings: Settings, *, sweep: bool = False, progress: Progress = silent) -> list[Finding]:
    """Check the program, the data folder, the server and the store, in this order.

    Args:
        settings: where all that is.
        sweep: first remove what dead writers left, and make again what the schema lacks.
        progress: told of each step.
    """
    if sweep:
        with open_store(settings, progress) as opened:
            opened.store.repair_schema()
            opened.store.sweep(progress)
    findings = [_program(), _loops(), _data_folder(settings), _disk(settings)]
    findings.extend(_store(settings, progress))
    return findings


def _program() -> Finding:
    return Finding("program", True, f"cellkin {version('cellkin')}, Python {sys.version.split()[0]}")


def _loops() -> Finding:
    if compiled() is not None:
        return Finding("loops over pixels", True, "compiled")
    remedy = "install a C compiler, and run python -m ingest.compile_loops"
    return Finding("loops over pixels", True, f"by NumPy, and slower; {remedy}")


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Finding("data folder", True, str(folder))
    except OSError as error:
        remedy = "make it writable, or set CELLKIN_DATA_FOLDER"
        return Finding("data folder", False, f"{folder}: {error.strerror}", remedy)


def _disk(settings: Settings) -> Finding:
    folder = next(
        parent for parent in (settings.data_folder, *settings.data_folder.parents) if parent.exists()
    )
    free = shutil.disk_usage(folder).free
    return Finding(
        "disk",
        free >= MINIMUM_FREE_BYTES,
        f"{free / 1024**3:.1f} GiB free",
        "free some space, 2 GiB at least",
    )


def _store(settings: Settings, progress: Progress) -> Iterator[Finding]:
    """Open the database, which is started for this if need be; without it there is no more to look at."""
    try:
        with open_store(settings, progress) as opened:
            place = opened.address.uri if opened.address else str(settings.neo4j_uri)
            yield Finding("database", True, f"answers at {place}, schema version {SCHEMA_VERSION}")
            yield from _health(opened.store)
            yield from _contents(opened.store)
    except CellkinError as error:
        yield Finding("database", False, f"{error.place}: {error.problem}", error.remedy)


def _health(store: LineageStore) -> Iterator[Finding]:
    health = store.health()
    yield Finding("server", True, f"Neo4j {health.version}, {health.edition} edition")
    missing = ", ".join(health.missing_constraints)
    yield Finding(
        "schema",
        not missing,
        f"constraints that are missing: {missing}" if missing else "every constraint is there",
        "`cellkin doctor --sweep` makes them again",
    )
    strays = ", ".join(f"{count:+,} {what}" for what, count in health.strays.items())
    yield Finding(
        "orphans",
        not strays,
        f"more or fewer than the trackings hold: {strays}"
        if strays
        else "nothing that belongs to no tracking",
        "restore a backup; or `cellkin backup --export`, and `cellkin restore` into a new data folder",
    )


def _contents(store: LineageStore) -> Iterator[Finding]:
    movies = store.movies()
    trackings = store.trackings([movie.id for movie in movies])
    detections = sum(tracking.detections for tracking in trackings)
    yield Finding(
        "stored", True, f"{len(movies)} movies, {len(trackings)} trackings, {detections:,} detections"
    )
    left = len(store.abandoned())
    yield Finding(
        "unfinished", left == 0, f"{left} abandoned writes", "remove them: `cellkin doctor --sweep`"
    )
    without = [
        tracking.id
        for tracking in trackings
        if tracking.labels_checksum and not store.has_labels(tracking.id)
    ]
    found = f"{len(trackings) - len(without)} of {len(trackings)} trackings"
    yield Finding(
        "label images", not without, found, f"put back pixels/{(without or [''])[0]}.zarr in the data folder"
    )
