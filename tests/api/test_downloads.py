"""A tracking as a table, as a file, and as pandas and polars read it from the service."""

import math
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from threading import Thread

import httpx2
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from api.tables import TableFiles, time_series_table, write_table
from graph.provenance import UNKNOWN
from graph.records import Counts, MovieRecord, TrackingKind, TrackingRecord
from graph.store import LineageStore
from ingest.errors import InputError, NotFoundError
from ingest.movie import Movie
from ingest.tracking_graph import TrackingGraph
from tests import lineages
from tests.api.service import app_of, listening, put, with_feature

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FIRST = 3 << 32


def record_of(graph: TrackingGraph) -> TrackingRecord:
    return TrackingRecord(
        **vars(Counts.of(graph)),
        id="t3",
        number=3,
        movie_id="m1",
        kind=TrackingKind.PREDICTED,
        author="lap",
        version="1",
        parameters={},
        features=(),
        labels_checksum=None,
        provenance=UNKNOWN,
        created=NOW,
    )


def movie(pixel_size: float | None = 0.5, minutes: float | None = 10.0) -> MovieRecord:
    return MovieRecord("m1", "drawn", 8, ("c",), 24, 44, pixel_size, minutes, "", "", NOW)


def table_of(graph: TrackingGraph, record: MovieRecord | None = None) -> pa.Table:
    return time_series_table(graph, record_of(graph), record or movie())


def test_the_table_has_a_row_a_detection_cell_by_cell_in_the_order_of_time() -> None:
    table = table_of(lineages.generations().graph)
    rows = table.select(["track", "frame", "label", "parent", "founder", "generation"]).to_pylist()
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
    assert one == FIRST


def test_the_columns_have_types_and_units() -> None:
    table = table_of(lineages.division().graph)
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


def test_calibrated_columns_follow_from_the_pixel_size() -> None:
    (row,) = table_of(lineages.one_detection().graph, movie(0.25, 3.0)).to_pylist()
    assert (row["frame"], row["label"], row["minutes"]) == (2, 5, 6.0)
    assert (row["y_um"], row["x_um"]) == (row["y"] / 4, row["x"] / 4)
    assert row["area_um2"] == row["area"] / 16


def test_without_calibration_those_columns_are_not_there() -> None:
    names = table_of(lineages.division().graph, movie(None, None)).column_names
    assert not {"minutes", "y_um", "x_um", "area_um2"} & set(names)


def test_a_movie_without_cells_has_a_table_without_rows() -> None:
    table = table_of(lineages.no_cells().graph)
    assert table.num_rows == 0
    assert {"tracking", "track", "parent", "frame", "y_um"} <= set(table.column_names)


def test_what_was_not_measured_is_null_and_no_feature_hides_a_column() -> None:
    graph = lineages.one_track().graph
    values = np.arange(len(graph.detections), dtype=float)
    values[1] = math.nan
    table = table_of(with_feature(with_feature(graph, "odd", values), "track", values))
    assert table["odd"].to_pylist()[:2] == [0.0, None]
    assert set(table["track"].to_pylist()) == {FIRST}


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_written_table_is_read_back_and_nothing_else_is_left(tmp_path: Path, suffix: str) -> None:
    table = table_of(lineages.generations().graph)
    path = tmp_path / "new folder" / f"cells{suffix}"
    write_table(table, path)
    read = pyarrow.parquet.read_table(path) if suffix == ".parquet" else pyarrow.csv.read_csv(path)
    assert read.column_names == table.column_names
    assert read["parent"].to_pylist() == table["parent"].to_pylist()
    assert read["y_um"].to_pylist() == table["y_um"].to_pylist()
    assert [child.name for child in path.parent.iterdir()] == [path.name]


def test_a_table_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'\.xlsx'"):
        write_table(table_of(lineages.division().graph), tmp_path / "cells.xlsx")


def test_a_write_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        Path(str(args[1])).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(pyarrow.parquet, "write_table", full)
    with pytest.raises(OSError, match="disk full"):
        write_table(table_of(lineages.division().graph), tmp_path / "cells.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.neo4j
def test_a_table_is_made_once_and_anew_when_the_calibration_is_learnt(
    store: LineageStore, tmp_path: Path
) -> None:
    drawing = lineages.division()
    tracking = put(store, drawing, calibrated=False)
    files = TableFiles(store, tmp_path / "tables")
    found: list[Path] = []
    threads = [Thread(target=lambda: found.append(files.path(tracking.id, ".parquet"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (path,) = set(found)
    made = path.stat().st_mtime_ns
    assert files.path(tracking.id, ".parquet").stat().st_mtime_ns == made
    assert "minutes" not in pyarrow.parquet.read_schema(path).names
    store.add_movie(Movie.from_array(drawing.labels.astype(np.uint16), name="drawn", minutes_per_frame=7))
    learnt = files.path(tracking.id, ".parquet")
    assert pyarrow.parquet.read_table(learnt)["minutes"].to_pylist()[1] == 7.0
    with pytest.raises(NotFoundError):
        files.path("t0", ".parquet")


@pytest.fixture
def address(store: LineageStore, tmp_path: Path) -> Iterator[str]:
    """Address of a table on a listening service, without its suffix."""
    tracking = put(store, lineages.generations())
    with listening(app_of(store, tmp_path)) as base:
        yield f"{base}/trackings/{tracking.id}/timeseries"


@pytest.mark.neo4j
def test_pandas_reads_the_table_by_its_address(address: str) -> None:
    cells = pd.read_parquet(f"{address}.parquet")
    assert len(cells) == 22
    assert str(cells["parent"].dtype) == "Int64"
    assert cells["parent"].isna().sum() == 5
    assert str(cells["frame"].dtype) == "int32"
    assert cells.groupby("track")["frame"].count().tolist() == [1, 3, 7, 4, 4, 3]
    text = pd.read_csv(f"{address}.csv")
    assert text.columns.tolist() == cells.columns.tolist()
    assert text["area_um2"].tolist() == cells["area_um2"].tolist()


@pytest.mark.neo4j
def test_polars_reads_and_scans_the_table_by_its_address(address: str) -> None:
    whole = pl.read_parquet(f"{address}.parquet")
    assert whole.height == 22
    assert whole["parent"].null_count() == 5
    late = (
        pl.scan_parquet(f"{address}.parquet").filter(pl.col("frame") >= 6).select("label", "y_um").collect()
    )
    assert sorted(late["label"].to_list()) == [3, 3, 4, 4, 5]
    assert pl.read_csv(f"{address}.csv").height == 22


@pytest.mark.neo4j
def test_the_file_comes_in_ranges_with_a_tag(address: str) -> None:
    with httpx2.Client() as client:
        whole = client.get(f"{address}.parquet")
        head = client.head(f"{address}.parquet")
        part = client.get(f"{address}.parquet", headers={"range": "bytes=4-9"})
        known = client.get(f"{address}.parquet", headers={"if-none-match": whole.headers["etag"]})
        beyond = client.get(f"{address}.parquet", headers={"range": f"bytes={len(whole.content)}-"})
        text = client.get(f"{address}.csv")
    assert whole.content[:4] == b"PAR1"
    assert whole.headers["content-disposition"].endswith('.parquet"')
    assert (head.content, head.headers["content-length"]) == (b"", str(len(whole.content)))
    assert (part.status_code, part.content) == (206, whole.content[4:10])
    assert part.headers["etag"] == whole.headers["etag"]
    assert (known.status_code, known.content) == (304, b"")
    assert beyond.status_code == 416
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    assert pyarrow.parquet.read_table(BytesIO(whole.content)).num_rows == 22


@pytest.mark.neo4j
def test_the_standard_library_is_client_enough(address: str) -> None:
    with urllib.request.urlopen(f"{address}.csv") as answer:  # noqa: S310 - our own service on loopback
        first = answer.readline().decode()
    assert first.startswith('"tracking","track","parent","founder","generation","link_probability","frame"')
