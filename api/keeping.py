"""Backups of the store that the settings name, and back."""

from contextlib import suppress
from pathlib import Path

from api.scoring import score_stored
from api.settings import Settings
from api.stored import managed_server, open_store
from graph.backup import (
    Manifest,
    dump_to,
    export_to,
    import_export,
    read_manifest,
    require_empty,
    require_restored,
    restore_dump,
)
from graph.export import exported_scores, restore_export
from graph.pixels import PixelStore
from graph.server import ManagedServer
from graph.server_use import users
from ingest.errors import ConflictError, InputError, NotFoundError
from ingest.progress import Progress, silent


def back_up(settings: Settings, folder: Path, *, export: bool, progress: Progress = silent) -> Manifest:
    """Back up the managed server by a dump, any other database by an export.

    Args:
        settings: which.
        folder: where to; made.
        export: also of the managed server, which then goes on running.
        progress: told of the steps.

    Raises:
        InputError: the folder exists already, or cannot be written.
        ConflictError: another process uses the managed server, which a dump would stop.
    """
    if not folder.name:
        raise InputError("it exists already", place=str(folder), remedy="name a new folder, such as ./backup")
    pixels = PixelStore(settings.data_folder / "pixels")
    with open_store(settings, progress) as opened:
        if export or opened.address is None:
            return export_to(opened.store, pixels, folder, progress)
        manifest = Manifest.of(opened.store, "dump")
    server = managed_server(settings)
    _require_unused(server)
    dump_to(server, manifest, pixels, folder, progress)
    return manifest


def restore_backup(
    settings: Settings,
    folder: Path,
    *,
    replace: bool = False,
    offline: bool = False,
    progress: Progress = silent,
) -> Manifest:
    """Restore a backup: an export beside what is there, its scores computed again; a dump in its place.

    Args:
        settings: which database.
        folder: of the backup.
        replace: let what is restored in place of a database replace the movies there.
        offline: restore an export in place too, by Neo4j's own import: three fifths of the work.
        progress: told of the steps.

    Raises:
        InputError: there is no backup, or the managed server is needed and the database is another one.
        ConflictError: it would replace movies, and `replace` is not given; or the server is in use.
        StoreError: what was restored is not what the backup says.
    """
    manifest = read_manifest(folder)
    is_export = manifest.kind == "export"
    offline = offline and is_export
    if offline or manifest.kind == "dump":
        server = _replaceable_server(settings, replace=replace, progress=progress)
        if offline:
            import_export(server, folder, progress)
        else:
            restore_dump(server, PixelStore(settings.data_folder / "pixels"), folder, progress)
    with open_store(settings, progress) as opened:
        if is_export:
            restore_export(opened.store, folder, progress, imported=offline)
        require_restored(opened.store, manifest)
        if is_export:
            for held in progress(exported_scores(folder), "Scoring again"):
                with suppress(NotFoundError):  # one whose label images were not there when it was exported
                    score_stored(
                        opened.store, held.computed, held.reference, held.parameters, created=held.created
                    )
    return manifest


def _replaceable_server(settings: Settings, *, replace: bool, progress: Progress) -> ManagedServer:
    if settings.neo4j_uri is not None:
        raise InputError(
            "a database of your own, which cannot be stopped from here",
            place="CELLKIN_NEO4J_URI",
            remedy="load a dump with `neo4j-admin database load`; restore an export without --offline",
        )
    server = managed_server(settings)
    if replace or server.is_new:
        server.install(progress)  # else the start does
    else:
        with open_store(settings, progress) as opened:
            require_empty(opened.store, settings.data_folder)
    _require_unused(server)
    return server


def _require_unused(server: ManagedServer) -> None:
    if using := users(server):
        raise ConflictError(
            f"the server has to be stopped, and is in use by process {using[0]}",
            place=str(server.home),
            remedy="wait until it is done, or end it; `cellkin backup --export` needs no stop",
        )
