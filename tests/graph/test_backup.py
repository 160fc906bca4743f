"""Restore drills: what comes back from a backup is what was there, scores included."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, LiteralString
from unittest.mock import patch

import numpy as np
import pytest
from neo4j import ManagedTransaction, Record

from api.scoring import score_stored
from graph.backup import (
    MANIFEST,
    export_to,
    import_export,
    read_manifest,
    require_empty,
    require_restored,
    restore_dump,
)
from graph.connection import Connection
from graph.export import exported_graph, exported_scores, restore_export, write_export
from graph.jars import default_cache
from graph.pixels import PixelStore
from graph.server import ManagedServer
from graph.store import LineageStore
from ingest.errors import CellkinError, ConflictError, InputError, StoreError
from tests import lineages
from tests.graph import faults
from tests.graph.restored import assert_restored, fill, scored
from tests.graph.stored import assert_equal, put, put_alone, wipe, with_features, with_probability

pytestmark = pytest.mark.neo4j


def test_an_export_restores_into_any_store(
    store: LineageStore, connection: Connection, tmp_path: Path
) -> None:
    before = fill(store)
    graphs = [store.tracking_graph(record.id) for record in before]
    movies, table = store.movies(), scored(store, before)
    manifest = export_to(store, PixelStore(tmp_path / "pixels"), tmp_path / "backup")
    assert read_manifest(tmp_path / "backup") == manifest
    for movie in movies:
        store.delete_movie(movie.id)
    other = LineageStore(connection, PixelStore(tmp_path / "other"))
    with pytest.raises(StoreError, match="is not as it was"):
        require_restored(other, manifest)
    for _ in range(2):  # the second time finds all of it
        restore_export(other, tmp_path / "backup")
        require_restored(other, manifest)
        assert_restored(other, before, graphs, table)
    assert other.movies() == movies


def test_an_export_holds_no_tracking_that_is_removed_before_its_turn(
    store: LineageStore, tmp_path: Path
) -> None:
    first, second = put(store, lineages.division()), put(store, lineages.generations())

    def removing(items: Any, description: str, total: int | None = None) -> Any:
        for item in items:
            if store.trackings_by_id([second.id]):
                store.delete_tracking(second.id if item.id == first.id else first.id)
            yield item

    manifest = export_to(store, PixelStore(tmp_path / "pixels"), tmp_path / "backup", removing)
    (kept,) = manifest.trackings
    assert read_manifest(tmp_path / "backup") == manifest
    restore_export(store, tmp_path / "backup")
    require_restored(store, manifest)
    assert [file.stem for file in (tmp_path / "backup" / "trackings").glob("*.npz")] == [kept]


def test_an_export_leaves_out_a_tracking_that_is_removed_while_its_label_images_are_copied(
    store: LineageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, computed, _ = fill(store)
    copytree = shutil.copytree

    def removing(source: Path, target: Path, *more: Any) -> None:
        if Path(source).stem == computed.id:
            store.delete_tracking(computed.id)
        copytree(source, target, *more)

    monkeypatch.setattr("graph.pixels.shutil.copytree", removing)
    manifest = export_to(store, store._pixels, tmp_path / "backup")
    assert truth.id in manifest.trackings
    assert computed.id not in manifest.trackings
    assert exported_scores(tmp_path / "backup") == []
    copied = [path.stem for path in (tmp_path / "backup" / "pixels").iterdir()]
    assert copied == [truth.id]


def test_what_was_when_is_so_after_a_restore(store: LineageStore, tmp_path: Path) -> None:
    before = fill(store)
    (score,) = store.scores([before[0].id])
    export_to(store, store._pixels, tmp_path / "backup")
    for movie in store.movies():
        store.delete_movie(movie.id)
    restore_export(store, tmp_path / "backup")
    assert [store.tracking(record.id).created for record in before] == [record.created for record in before]
    (held,) = exported_scores(tmp_path / "backup")
    assert held.created == score.created
    restored = score_stored(store, held.computed, held.reference, held.parameters, created=held.created)
    assert (restored.id, restored.created) == (score.id, score.created)


def test_scores_of_an_export_that_does_not_say_when(store: LineageStore, tmp_path: Path) -> None:
    fill(store)
    export_to(store, store._pixels, tmp_path / "backup")
    file = tmp_path / "backup" / "scores.json"
    (held,) = json.loads(file.read_text())
    del held["created"]
    file.write_text(json.dumps([held]))
    assert [score.created for score in exported_scores(tmp_path / "backup")] == [None]


def test_an_export_holds_what_is_empty_and_no_score_of_what_it_lacks(
    store: LineageStore, tmp_path: Path
) -> None:
    truth, _, alone = fill(store)
    nothing = put_alone(store, lineages.no_cells().graph, frames=3)
    (folder := tmp_path / "part").mkdir()
    store.delete_tracking(alone.id)
    with patch("graph.export.exported_trackings", lambda _: [store.tracking(truth.id)]):
        write_export(store, PixelStore(tmp_path / "pixels"), folder)
    assert exported_scores(folder) == []
    empty = exported_graph(folder, store.tracking(nothing.id))
    assert (len(empty.detections), len(empty.links)) == (0, 0)


def test_a_damaged_tracking_is_not_left_out_of_an_export_in_silence(
    store: LineageStore, connection: Connection, tmp_path: Path
) -> None:
    put(store, lineages.division())
    connection.write(lambda tx: tx.run("MATCH (d:Detection {frame: 1}) DETACH DELETE d").consume())
    with pytest.raises(ConflictError):
        export_to(store, PixelStore(tmp_path / "pixels"), tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_changed_export_is_not_taken_for_the_same(store: LineageStore, tmp_path: Path) -> None:
    drawn = lineages.division()
    record = put(store, drawn)
    export_to(store, PixelStore(tmp_path / "pixels"), tmp_path / "backup")
    file = tmp_path / "backup" / "trackings" / f"{record.id}.npz"
    columns = dict(np.load(file))
    columns["y"][0] += 1e-9
    np.savez(file, **columns)
    with pytest.raises(StoreError, match=f"{record.id} came out as"):
        restore_export(store, tmp_path / "backup")
    file.write_bytes(b"PK not quite")
    with pytest.raises(InputError, match="not whole") as refused:
        restore_export(store, tmp_path / "backup")
    assert refused.value.place == str(file)


@pytest.mark.parametrize(
    ("lost", "read"),
    [
        ("movies.json", restore_export),
        ("trackings", restore_export),
        ("scores.json", lambda _, folder: exported_scores(folder)),
    ],
)
def test_what_an_export_lacks_is_named(
    store: LineageStore, tmp_path: Path, lost: str, read: Callable[[LineageStore, Path], object]
) -> None:
    record = put(store, lineages.division())
    export_to(store, PixelStore(tmp_path / "pixels"), tmp_path / "backup")
    store.delete_movie(record.movie_id)
    (tmp_path / "backup" / lost).rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="No such file") as refused:
        read(store, tmp_path / "backup")
    assert refused.value.place == str(tmp_path / "backup" / lost)
    assert store.movies() == []


def answers(query: LiteralString, tx: ManagedTransaction) -> list[Record]:
    return list(tx.run(query))


def shape(store: LineageStore) -> list[Any]:
    """How many nodes and edges of each kind have a property of which type."""
    nodes = "MATCH (n) WHERE NOT n:Counter RETURN labels(n) AS what, properties(n) AS held"
    edges = """
    MATCH (a)-[r]->(b) RETURN [labels(a)[0], type(r), labels(b)[0]] AS what, properties(r) AS held
    """
    counted: Counter[tuple[object, ...]] = Counter()
    for query in (nodes, edges):
        for record in store._connection.read(partial(answers, query)):
            what = tuple(record["what"])
            counted[what] += 1
            counted.update((*what, name, type(value).__name__) for name, value in record["held"].items())
    return sorted(counted.items(), key=repr)


def test_an_export_is_imported_while_the_server_is_stopped(
    store: LineageStore, spare_server: ManagedServer, tmp_path: Path
) -> None:
    pixels = PixelStore(tmp_path / "pixels")
    three = lineages.generations()
    area = np.where(np.arange(len(three.graph.detections)) == 2, np.nan, 1.25)
    sure = with_probability(three.graph, np.linspace(0.1, 0.9, len(three.graph.links)))
    before = [
        put(store, three, with_features(sure, area=area)),
        put_alone(store, lineages.gap().graph, frames=5),
        put_alone(store, lineages.division().graph, frames=6),
    ]
    graphs, whole = [store.tracking_graph(record.id) for record in before], shape(store)
    manifest = export_to(store, pixels, tmp_path / "backup")
    with LineageStore(Connection(faults.login(spare_server.start())), pixels) as other:
        wipe(other._connection)
        put(other, lineages.late_division().reference)  # in whose place it comes
    import_export(spare_server, tmp_path / "backup")
    with LineageStore(Connection(faults.login(spare_server.start())), pixels) as other:
        assert not other.movies()  # nobody sees anything yet
        restore_export(other, tmp_path / "backup", imported=True)
        require_restored(other, manifest)
        for record, graph in zip(before, graphs, strict=True):
            assert_equal(other.tracking_graph(record.id), graph)
        assert shape(other) == whole
        written_later = put_alone(other, lineages.one_track().graph, frames=9)
        assert written_later.number == len(before) + 1


def test_what_cannot_be_imported_stops_no_server(
    store: LineageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fill(store)
    export_to(store, PixelStore(tmp_path / "pixels"), tmp_path / "backup")
    server = ManagedServer(tmp_path / "home", default_cache())
    monkeypatch.setattr(ManagedServer, "stopped", lambda *_, **__: pytest.fail("stopped"))
    with pytest.raises(InputError, match="restore without --offline"):  # HOSTILE is the name of a feature
        import_export(server, tmp_path / "backup")
    (tmp_path / "backup" / "trackings" / f"{before[0].id}.npz").write_bytes(b"PK not quite")
    with pytest.raises(InputError, match="not whole"):
        import_export(server, tmp_path / "backup")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        import_export(ManagedServer(tmp_path / "file" / "home", default_cache()), tmp_path / "backup")
    assert list((tmp_path / "home" / "import").iterdir()) == []


def test_only_an_empty_store_is_replaced_unasked(store: LineageStore, tmp_path: Path) -> None:
    require_empty(store, tmp_path)
    put(store, lineages.division())
    with pytest.raises(ConflictError, match=r"holds 1 movies.*--replace"):
        require_empty(store, tmp_path)


def test_what_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no backup that can be read: manifest.json: No such file"
    ) as caught:
        read_manifest(tmp_path / "nowhere")
    assert "Errno" not in str(caught.value)
    (tmp_path / MANIFEST).write_text('{"name": "another"}')
    with pytest.raises(InputError, match="no backup that can be read"):
        read_manifest(tmp_path)
    later = {"kind": "export", "cellkin": "9.1", "schema": 99, "created": "", "trackings": {}}
    (tmp_path / MANIFEST).write_text(json.dumps(later))
    with pytest.raises(InputError, match=r"update cellkin"):
        read_manifest(tmp_path)


def test_a_dump_that_is_not_whole_stops_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, pixels = ManagedServer(tmp_path / "home", default_cache()), PixelStore(tmp_path / "pixels")
    monkeypatch.setattr(ManagedServer, "stopped", lambda *_, **__: pytest.fail("stopped"))
    with pytest.raises(InputError, match=r"no neo4j\.dump"):
        restore_dump(server, pixels, tmp_path)
    (tmp_path / "neo4j.dump").touch()
    monkeypatch.setattr("graph.pixels.shutil.copytree", lambda *_: (tmp_path / "gone").open())
    (tmp_path / "pixels" / "t1.zarr").mkdir(parents=True)
    with pytest.raises(InputError, match=r"cannot be copied \(No such file") as caught:
        restore_dump(server, PixelStore(tmp_path / "other"), tmp_path)
    assert caught.value.place == str(tmp_path / "gone")


def test_a_backup_replaces_nothing_and_is_whole_or_not_there(store: LineageStore, tmp_path: Path) -> None:
    pixels = PixelStore(tmp_path / "pixels")
    (tmp_path / "old").mkdir()
    with pytest.raises(InputError, match="exists already"):
        export_to(store, pixels, tmp_path / "old")
    put(store, lineages.division())

    def unplugged(items: Any, description: str, total: int | None = None) -> Any:
        raise CellkinError(description)

    with pytest.raises(CellkinError, match="Exporting"):
        export_to(store, pixels, tmp_path / "new", unplugged)
    assert {path.name for path in tmp_path.iterdir()} == {"old", "pixels"}
