"""Names from users are values, whatever they hold: none becomes Cypher, a label, a kind of link, a path."""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import graph as graph_package
from graph.backup import export_to, require_restored
from graph.connection import Connection
from graph.export import restore_export
from graph.measured import FeatureOrder, FeatureRange
from graph.pixels import PixelStore
from graph.provenance import Provenance
from graph.store import LineageStore
from graph.track_pages import Rise, TrackKey, TrackOrder
from graph.windows import Window
from ingest.errors import InputError, NotFoundError
from tests import lineages
from tests.graph.stored import HOSTILE, assert_equal, movie_of, put, rows, with_features

NAMES = [
    HOSTILE,
    "` SET d:Owned //",
    "a\\' OR 1=1 WITH 1 AS x MATCH (n) DETACH DELETE n",
    "$first",
    "id\\u0027}) //",
    "../../../etc/passwd",
    "line\nbreak\ttab \N{RIGHT-TO-LEFT OVERRIDE} \N{SNOWMAN}",
    "__proto__",
    "n" * 5_000,
]
LABELS = {"Movie", "Tracking", "Track", "Detection", "Score", "Error", "Counter", "Schema"}


def everything_known(connection: Connection) -> bool:
    """Whether all nodes have labels of ours and all links kinds of ours."""
    kinds = {"HAS_TRACKING", "HAS_TRACK", "HAS", "NEXT", "GAP", "DIVISION", "DIVIDES_INTO"}
    labels = "MATCH (n) UNWIND labels(n) AS label RETURN collect(DISTINCT label) AS found"
    links = "MATCH ()-[l]->() RETURN collect(DISTINCT type(l)) AS found"
    held = connection.read(
        lambda tx: [tx.run(query).single(strict=True)["found"] for query in (labels, links)]
    )
    return set(held[0]) <= LABELS and set(held[1]) <= kinds | {"OF", "AGAINST", "FOUND", "AT"}


@pytest.mark.neo4j
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_is_a_value_in_every_entry(
    store: LineageStore, connection: Connection, tmp_path: Path, name: str
) -> None:
    bystander, drawn = put(store, lineages.gap(), author="bystander"), lineages.division()
    before = rows(connection)
    graph = with_features(drawn.graph, **{name: np.arange(len(drawn.graph.detections)) / 7 + 1})
    movie = store.add_movie(movie_of(drawn, name=name))
    origin = Provenance(source=name, segmenter=name, device=name, weights_checksum=name)
    how = {"version": name, "parameters": {name: [name]}}
    record = put(store, drawn, graph, provenance=origin, author=name, **how)  # type: ignore[arg-type]
    assert (store.movie(movie.id).name, record.author, record.version) == (name, name, name)
    assert (record.parameters, record.provenance) == ({name: [name]}, origin)
    assert_equal(store.tracking_graph(record.id), graph)

    tracks = store.tracks(record.id, rises=Rise(name, 1.01))
    assert [track.label for track in tracks] == [1, 2, 3]
    assert store.tracks(record.id, means=(FeatureRange(name, 1),)) == tracks
    by_mean = store.tracks_by(record.id, TrackOrder(TrackKey.MEAN, name, descending=True))
    assert sorted(track.label for _, track in by_mean) == [1, 2, 3]
    first = store.detections_by(record.id, FeatureOrder(name), Window(0, 9), [FeatureRange(name, 1)], first=1)
    assert first.features[name].tolist() == [1.0]
    means = store.track_means([track.id for track in tracks], name)
    assert all(mean >= 1 for mean in means.values())
    with pytest.raises(InputError):
        store.tracks(bystander.id, rises=Rise(name, 1.01))
    with pytest.raises(InputError):
        store.detections(bystander.id, Window(0, 9), [FeatureRange(name)])
    for ask in (store.tracking, store.movie, store.tracking_graph, store.labels, store.delete_tracking):
        with pytest.raises(NotFoundError):
            ask(name)
    assert (store.trackings([name]), store.scores([name])) == ([], [])

    manifest = export_to(store, PixelStore(tmp_path / "pixels"), tmp_path / "backup")
    store.delete_tracking(record.id)
    restore_export(store, tmp_path / "backup")
    require_restored(store, manifest)
    assert_equal(store.tracking_graph(record.id), graph)
    store.delete_movie(movie.id)
    assert rows(connection) == before
    assert_equal(store.tracking_graph(bystander.id), lineages.gap().graph)
    assert everything_known(connection)
    assert not list(tmp_path.parent.glob("passwd*"))


def runs() -> Iterator[tuple[Path, ast.expr]]:
    """What is given to `run` of a transaction or a session, wherever it is called."""
    for file in sorted(Path(graph_package.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                target = node.func.value
                if (
                    node.func.attr == "run"
                    and isinstance(target, ast.Name)
                    and target.id in ("tx", "session")
                ):
                    yield file, node.args[0]


def test_no_statement_is_put_together_where_it_is_run() -> None:
    found = list(runs())
    assert len(found) > 30
    for file, statement in found:
        constant = isinstance(statement, ast.Constant | ast.Name | ast.Attribute)
        assert constant, f"{file.name}, line {statement.lineno}"
