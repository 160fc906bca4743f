"""What is in the tables of a tracking, read back from files of each form and held against the graph."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings

from api.cli_export import ExportedTable
from api.table_form import WRITERS, write_table
from api.table_query import EVERYTHING, TableQuery
from api.tables import OPTIONS, Source, Table, TableKind, open_table
from graph import batches, bulk_reader
from graph.records import TrackingRecord
from graph.store import LineageStore
from ingest.errors import ConflictError, InputError
from ingest.tracking_graph import LinkKind, TrackingGraph
from tests import lineages
from tests.api.service import put, with_feature
from tests.graph.stored import with_probability
from tests.strategies import lineages as random_lineages

READERS = {
    ".parquet": pyarrow.parquet.read_table,
    ".arrow": pyarrow.feather.read_table,
    ".csv": pyarrow.csv.read_csv,
}


def source_of(store: LineageStore, tracking: TrackingRecord, query: TableQuery = EVERYTHING) -> Source:
    return Source(store, tracking, store.movie(tracking.movie_id), query)


def table_of(
    store: LineageStore, tracking: TrackingRecord, kind: TableKind, query: TableQuery = EVERYTHING
) -> pa.Table:
    table = open_table(source_of(store, tracking, query), kind)
    return pa.Table.from_batches(table.batches, table.schema)


def rows_of(store: LineageStore, tracking: TrackingRecord, kind: TableKind, **query: Any) -> list[Any]:
    rows: list[Any] = table_of(store, tracking, kind, TableQuery(**query)).to_pylist()
    return rows


def generations() -> TrackingGraph:
    """With a probability of each link that tells which it is, and one that is not known."""
    graph = lineages.generations().graph
    probability = np.arange(len(graph.links)) / len(graph.links)
    probability[4] = math.nan
    return with_probability(graph, probability)


@pytest.fixture
def unsure(store: LineageStore) -> TrackingRecord:
    """Beside other trackings, so that a row of another one would show."""
    drawing = lineages.generations()
    put(store, drawing, author="before")
    record = put(store, drawing, graph=generations())
    put(store, drawing, author="after")
    return record


pytestmark = pytest.mark.neo4j


def test_the_time_series_go_cell_by_cell_in_the_order_of_time(
    store: LineageStore, unsure: TrackingRecord
) -> None:
    rows = rows_of(store, unsure, TableKind.TIMESERIES)
    assert [(row["track"], row["frame"]) for row in rows] == sorted(
        (row["track"], row["frame"]) for row in rows
    )
    track = {row["label"]: row["track"] for row in rows}
    cells: dict[int, list[int]] = {}
    for row in rows:
        cells.setdefault(row["label"], []).append(row["frame"])
    assert cells == {
        1: [0],
        2: [1, 2, 3],
        3: [1, 2, 3, 4, 5, 6, 7],
        4: [4, 5, 6, 7],
        5: [4, 5, 6],
        7: [2, 3, 4, 5],
    }
    descent = {row["label"]: (row["parent"], row["founder"], row["generation"]) for row in rows}
    one, two, seven = track[1], track[2], track[7]
    assert descent == {
        1: (None, one, 0),
        2: (one, one, 1),
        3: (one, one, 1),
        4: (two, one, 2),
        5: (two, one, 2),
        7: (None, seven, 0),
    }
    assert one == unsure.first_id
    assert {row["tracking"] for row in rows} == {unsure.id}


def test_detections_go_frame_by_frame_with_the_probability_of_the_link_to_each(
    store: LineageStore, unsure: TrackingRecord
) -> None:
    graph, rows = generations(), rows_of(store, unsure, TableKind.DETECTIONS)
    assert [row["detection"] for row in rows] == [unsure.first_id + row for row in range(len(rows))]
    for name in ("frame", "label", "y", "x"):
        assert [row[name] for row in rows] == getattr(graph.detections, name).tolist()
    of_track = (graph.tracks.of_detection + unsure.first_id).tolist()
    assert [row["track"] for row in rows] == of_track
    known = [math.nan if row["link_probability"] is None else row["link_probability"] for row in rows]
    np.testing.assert_array_equal(known, graph.link_probability)


def test_a_track_is_a_row_with_its_life_and_its_means(store: LineageStore) -> None:
    drawing = lineages.generations()
    cells = drawing.graph.detections
    odd = np.where(cells.label == 5, np.nan, np.where(cells.frame == 2, np.nan, cells.frame * 10.0))
    graph = with_probability(with_feature(drawing.graph, "odd", odd), np.full(len(drawing.graph.links), 0.75))
    record = put(store, drawing, graph=graph)
    rows = {row["label"]: row for row in rows_of(store, record, TableKind.TRACKS)}
    assert list(rows) == [1, 2, 3, 7, 4, 5]
    two = rows[2]
    assert (two["begin"], two["end"], two["frames"], two["detections"]) == (1, 3, 3, 3)
    assert (two["minutes"], two["generation"], two["parent"], two["parent_label"]) == (
        30.0,
        1,
        rows[1]["track"],
        1,
    )
    assert (two["daughters"], two["divides"], two["probability"]) == (2, True, 0.75)
    assert (rows[3]["daughters"], rows[3]["divides"], rows[3]["probability"]) == (0, False, None)
    assert (two["odd_mean"], rows[7]["odd_mean"], rows[5]["odd_mean"]) == (20.0, 40.0, None)
    assert two["area_um2_mean"] == two["area_mean"] / 4
    assert not [name for name in two if name.startswith(("y", "x", "bbox"))]
    assert [row["label"] for row in rows_of(store, record, TableKind.TRACKS, features=("x",))] == list(rows)


def test_a_track_with_missed_frames_is_longer_than_it_is_seen(store: LineageStore) -> None:
    record = put(store, lineages.gap())
    rows = {row["label"]: row for row in rows_of(store, record, TableKind.TRACKS)}
    assert {label: (row["frames"], row["detections"]) for label, row in rows.items()} == {
        1: (5, 4),
        3: (5, 5),
    }


def test_links_name_both_ends(store: LineageStore, unsure: TrackingRecord) -> None:
    graph, rows = generations(), rows_of(store, unsure, TableKind.LINKS)
    ends = graph.links + unsure.first_id
    assert [[row["earlier"], row["later"]] for row in rows] == ends.tolist()
    assert [row["kind"] for row in rows] == [LinkKind(kind).name for kind in graph.kind]
    known = [math.nan if row["probability"] is None else row["probability"] for row in rows]
    np.testing.assert_array_equal(known, graph.probability)
    for side, detection in (("earlier", graph.links[:, 0]), ("later", graph.links[:, 1])):
        assert [row[f"{side}_frame"] for row in rows] == graph.detections.frame[detection].tolist()
        assert [row[f"{side}_label"] for row in rows] == graph.detections.label[detection].tolist()
        tracks = graph.tracks.of_detection[detection] + unsure.first_id
        assert [row[f"{side}_track"] for row in rows] == tracks.tolist()


def test_napari_gets_labels_as_ids_sorted_by_track_and_time(
    store: LineageStore, unsure: TrackingRecord
) -> None:
    rows = rows_of(store, unsure, TableKind.NAPARI)
    assert list(rows[0]) == ["track_id", "t", "y", "x", "parent_track_id"]
    keys = [(row["track_id"], row["t"]) for row in rows]
    assert keys == sorted(keys)
    assert len(keys) == unsure.detections
    parents = {row["track_id"]: row["parent_track_id"] for row in rows}
    assert parents == {1: -1, 2: 1, 3: 1, 4: 2, 5: 2, 7: -1}
    late = rows_of(store, unsure, TableKind.NAPARI, frames=(4, 5))
    assert {row["track_id"]: row["parent_track_id"] for row in late} == {3: -1, 4: -1, 5: -1, 7: -1}
    assert {row["t"] for row in late} == {4, 5}


def test_the_columns_have_types_and_units(store: LineageStore) -> None:
    table = table_of(store, put(store, lineages.division()), TableKind.TIMESERIES)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {
        "tracking": "dictionary<values=string, indices=int32, ordered=0>",
        "track": "int64",
        "parent": "int64",
        "founder": "int64",
        "generation": "int32",
        "link_probability": "double",
        "frame": "int32",
        "label": "int32",
        "minutes": "double",
        "y": "double",
        "x": "double",
        "area": "float",
        "y_um": "double",
        "x_um": "double",
        "area_um2": "float",
    }
    units = {f.name: f.metadata[b"unit"].decode() for f in table.schema if f.metadata}
    assert units["minutes"] == "min"
    assert units["y_um"] == "µm"
    assert units["area_um2"] == "µm²"
    assert units["y"] == "pixel"
    assert "frame" not in units


def test_a_mean_has_the_unit_of_its_feature(store: LineageStore) -> None:
    schema = table_of(store, put(store, lineages.division()), TableKind.TRACKS).schema
    assert schema.field("area_um2_mean").metadata == {b"unit": "µm²".encode()}
    assert schema.field("minutes").metadata == {b"unit": b"min"}


def test_calibrated_columns_follow_from_the_pixel_size(store: LineageStore) -> None:
    (row,) = rows_of(store, put(store, lineages.one_detection()), TableKind.DETECTIONS)
    assert (row["frame"], row["label"], row["minutes"]) == (2, 5, 20.0)
    assert (row["y_um"], row["x_um"]) == (row["y"] / 2, row["x"] / 2)
    assert row["area_um2"] == row["area"] / 4


def test_without_calibration_those_columns_are_not_there(store: LineageStore) -> None:
    record = put(store, lineages.division(), calibrated=False)
    for kind in TableKind:
        names = table_of(store, record, kind).column_names
        assert not {"minutes", "y_um", "x_um", "area_um2", "area_um2_mean"} & set(names)


def test_what_was_not_measured_is_null_and_no_feature_hides_a_column(store: LineageStore) -> None:
    drawing = lineages.one_track()
    values = np.arange(len(drawing.graph.detections), dtype=float)
    values[1] = math.nan
    graph = with_feature(with_feature(drawing.graph, "odd", values), "track", values)
    record = put(store, drawing, graph=graph)
    for kind in (TableKind.TIMESERIES, TableKind.DETECTIONS):
        table = table_of(store, record, kind)
        assert table["odd"].to_pylist()[:2] == [0.0, None]
        assert set(table["track"].to_pylist()) == {record.first_id}


@pytest.mark.parametrize("kind", TableKind)
@pytest.mark.parametrize("suffix", WRITERS)
def test_every_table_in_every_form_is_read_back(
    store: LineageStore, unsure: TrackingRecord, tmp_path: Path, kind: TableKind, suffix: str
) -> None:
    path = tmp_path / "new folder" / f"cells{suffix}"
    write_table(open_table(source_of(store, unsure), kind), path)
    table, read = table_of(store, unsure, kind), READERS[suffix](path)
    assert read.column_names == table.column_names
    assert read.to_pylist() == table.to_pylist()
    assert [child.name for child in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", TableKind)
def test_a_movie_without_cells_has_tables_without_rows(
    store: LineageStore, tmp_path: Path, kind: TableKind
) -> None:
    record = put(store, lineages.no_cells())
    full = put(store, lineages.division())
    empty = table_of(store, record, kind)
    assert empty.num_rows == 0
    assert [f for f in empty.schema if not f.name.startswith("area")] == [
        f for f in table_of(store, full, kind).schema if not f.name.startswith("area")
    ]
    for suffix in WRITERS:
        write_table(open_table(source_of(store, record), kind), tmp_path / f"none{suffix}")
        assert READERS[suffix](tmp_path / f"none{suffix}").num_rows == 0


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(drawing=random_lineages())
def test_small_batches_and_row_groups_give_the_same_tables(
    store: LineageStore, tmp_path: Path, drawing: lineages.Drawing
) -> None:
    record = put(store, drawing)
    for kind in TableKind:
        whole = table_of(store, record, kind)
        with (
            patch.object(bulk_reader, "READ_ROWS", 3),
            patch.object(batches, "WRITE_ROWS", 3),
            patch("api.table_form.ROW_GROUP", 5),
        ):
            parts = open_table(source_of(store, record), kind)
            for suffix, read in READERS.items():
                path = tmp_path / f"{kind}{suffix}"
                write_table(open_table(source_of(store, record), kind), path)
                if whole.num_rows:
                    assert read(path).to_pylist() == whole.to_pylist()
            assert pa.Table.from_batches(parts.batches, parts.schema).to_pylist() == whole.to_pylist()
        if kind in (TableKind.TIMESERIES, TableKind.DETECTIONS, TableKind.NAPARI):
            assert whole.num_rows == record.detections


FILTERS: dict[str, tuple[Any, Any]] = {
    "frames": ((2, 4), lambda row: 2 <= row["frame"] <= 4),
    "box": (
        (4.0, 12.5, 18.5, 24.5),
        lambda row: row["label"] in (1, 2),
    ),
    "where": (
        (("area_um2", -math.inf, 9.0), ("y", 4.5, 5.0)),
        lambda row: row["area_um2"] <= 9 and 4.5 <= row["y"] <= 5,
    ),
    "founders": (False, lambda row: row["label"] not in (1, 7)),
    "divides": (True, lambda row: row["label"] in (1, 2)),
    "min_frames": (4, lambda row: row["label"] in (3, 4, 7)),
    "max_frames": (3, lambda row: row["label"] in (1, 2, 5)),
    "generation": (2, lambda row: row["label"] in (4, 5)),
    "begins_in": ((1, 3), lambda row: row["label"] in (2, 3, 7)),
    "ends_in": ((3, 5), lambda row: row["label"] in (2, 7)),
    "means": ((("area_um2", 10.0, math.inf), ("y", 18.0, 19.0)), lambda row: row["label"] == 7),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("kind", [TableKind.TIMESERIES, TableKind.DETECTIONS])
def test_a_filter_leaves_out_rows_and_changes_none(
    store: LineageStore, unsure: TrackingRecord, kind: TableKind, name: str
) -> None:
    value, passes = FILTERS[name]
    everything = rows_of(store, unsure, kind)
    wanted = [row for row in everything if passes(row)]
    assert 0 < len(wanted) < len(everything)
    assert rows_of(store, unsure, kind, **{name: value}) == wanted


def test_tracks_along_which_a_feature_grows(store: LineageStore) -> None:
    drawing = lineages.generations()
    cells = drawing.graph.detections
    glow = np.where(cells.label == 3, 10.0 + cells.frame, 20.0)  # 11, 12, 13 … 15, 16, 17: from 12 to 16
    record = put(store, drawing, graph=with_feature(drawing.graph, "glow", glow))
    for kind in (TableKind.TIMESERIES, TableKind.DETECTIONS, TableKind.TRACKS):
        rows = rows_of(store, record, kind, rises=("glow", 1.33))
        assert {row["label"] for row in rows} == {3}
        assert rows == [row for row in rows_of(store, record, kind) if row["label"] == 3]
        assert rows_of(store, record, kind, rises=("glow", 1.34)) == []
    with patch.object(bulk_reader, "TRACKS_AT_ONCE", 2):
        rows = rows_of(store, record, TableKind.NAPARI, rises=("glow", 1.0), ends_in=(3, 6))
        assert {row["track_id"] for row in rows} == {2, 5, 7}
    with pytest.raises(InputError, match="no feature is called 'volume'; its features are area, glow"):
        rows_of(store, record, TableKind.TRACKS, means=(("volume", 0.0, 1.0),))


def test_filters_hold_together(store: LineageStore, unsure: TrackingRecord) -> None:
    for kind in (TableKind.TIMESERIES, TableKind.DETECTIONS):
        rows = rows_of(store, unsure, kind, frames=(5, 6), generation=2, min_frames=4)
        assert [(row["label"], row["frame"]) for row in rows] == [(4, 5), (4, 6)]
    tracks = rows_of(store, unsure, TableKind.TRACKS, frames=(0, 1), divides=False)
    assert [(row["label"], row["detections"]) for row in tracks] == [(3, 7)]


def test_frames_after_the_last_are_empty(store: LineageStore, unsure: TrackingRecord) -> None:
    for kind in TableKind:
        assert rows_of(store, unsure, kind, frames=(8, 400)) == []
        assert len(rows_of(store, unsure, kind, frames=(0, 400))) == len(rows_of(store, unsure, kind))


def test_links_by_frames_kind_and_probability(store: LineageStore, unsure: TrackingRecord) -> None:
    rows = rows_of(store, unsure, TableKind.LINKS)
    inside = [row for row in rows if row["earlier_frame"] >= 3 and row["later_frame"] <= 5]
    assert 0 < len(inside) < len(rows)
    assert rows_of(store, unsure, TableKind.LINKS, frames=(3, 5)) == inside
    born = rows_of(store, unsure, TableKind.LINKS, kinds=(LinkKind.DIVISION,))
    assert [(row["earlier_label"], row["later_label"]) for row in born] == [(1, 2), (1, 3), (2, 4), (2, 5)]
    doubtful = [row for row in rows if row["probability"] is not None and row["probability"] <= 0.25]
    assert rows_of(store, unsure, TableKind.LINKS, max_probability=0.25) == doubtful


def test_features_are_chosen_and_ordered(store: LineageStore, unsure: TrackingRecord) -> None:
    whole = table_of(store, unsure, TableKind.DETECTIONS)
    asked = TableQuery(features=("area_um2", "x"))
    found = table_of(store, unsure, TableKind.DETECTIONS, asked)
    known = ["tracking", "detection", "track", "link_probability", "frame", "label", "minutes"]
    assert found.column_names == [*known, "area_um2", "x"]
    assert found.to_pylist() == whole.select(found.column_names).to_pylist()
    means = table_of(store, unsure, TableKind.TRACKS, asked).column_names
    assert [name for name in means if name.endswith("_mean")] == ["area_um2_mean", "x_mean"]
    hidden = table_of(store, unsure, TableKind.DETECTIONS, replace(asked, where=(("y", 10.0, 20.0),)))
    assert hidden.column_names == found.column_names
    assert set(hidden["label"].to_pylist()) == {7}
    none = table_of(store, unsure, TableKind.TIMESERIES, TableQuery(features=()))
    assert none.column_names[-3:] == ["frame", "label", "minutes"]
    with pytest.raises(InputError, match=r"'volume' was not measured.*area_um2"):
        table_of(store, unsure, TableKind.TRACKS, TableQuery(features=("volume",)))
    with pytest.raises(InputError, match="'volume' was not measured"):
        table_of(store, unsure, TableKind.TIMESERIES, TableQuery(where=(("volume", 0.0, 1.0),)))


def test_what_was_not_measured_is_in_no_range(store: LineageStore) -> None:
    drawing = lineages.one_track()
    graph = with_feature(drawing.graph, "odd", [4.0, math.nan, 6.0])
    record = put(store, drawing, graph=graph)
    everywhere = (("odd", -math.inf, math.inf),)
    rows = rows_of(store, record, TableKind.DETECTIONS, where=everywhere)
    assert [row["odd"] for row in rows] == [4.0, 6.0]


@pytest.mark.parametrize("kind", TableKind)
def test_a_tracking_that_is_removed_meanwhile_gives_no_table(
    store: LineageStore, tmp_path: Path, kind: TableKind
) -> None:
    record = put(store, lineages.generations())
    table = open_table(source_of(store, record), kind)
    store.delete_tracking(record.id)
    with pytest.raises(ConflictError, match="removed while it was read"):
        write_table(table, tmp_path / "cells.parquet")
    assert list(tmp_path.glob("*cells*")) == []


def small_table() -> Table:
    return Table.of(pa.table({"frame": [3, 4], "label": [2, 7]}))


def test_a_table_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'\.xlsx'"):
        write_table(small_table(), tmp_path / "cells.xlsx")


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_write_that_fails_leaves_no_file(tmp_path: Path, suffix: str) -> None:
    def full(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from rows
        raise OSError("disk full")

    table = small_table()
    with pytest.raises(OSError, match="disk full"):
        write_table(Table(table.schema, full(table.batches)), tmp_path / f"cells{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_names_the_same_tables() -> None:
    assert [table.value for table in ExportedTable] == [kind.value for kind in TableKind] == list(OPTIONS)
