"""The files of a tracking over HTTP: as pandas and polars read them, in ranges, under conditions, refused."""

import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import httpx2
import pandas as pd
import polars as pl
import pyarrow.ipc
import pyarrow.parquet
import pytest

from api.conditional import has_tag
from api.downloads import MEDIA_TYPES
from api.table_form import WRITERS
from api.tables import TableKind
from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, app_of, listening, put


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


@pytest.mark.neo4j
def test_polars_pushes_a_filter_down_to_a_filtered_table(address: str) -> None:
    late = pl.scan_parquet(f"{address}.parquet?frames=4-7&features=area_um2").filter(pl.col("label") == 4)
    assert late.select("frame", "area_um2").collect().rows() == [(frame, 9.0) for frame in (4, 5, 6, 7)]
    assert pl.read_ipc(f"{address}.arrow?frames=4-7").height == 13


@pytest.fixture
def path(tracking: TrackingRecord) -> str:
    return f"/trackings/{tracking.id}"


@pytest.mark.neo4j
@pytest.mark.parametrize("kind", TableKind)
@pytest.mark.parametrize("suffix", WRITERS)
def test_every_table_comes_in_every_form_under_a_name(
    service: Service, path: str, tracking: TrackingRecord, kind: TableKind, suffix: str
) -> None:
    answer = service.client.get(f"{path}/{kind}{suffix}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == MEDIA_TYPES[suffix]
    assert answer.headers["content-disposition"] == f'attachment; filename="{tracking.id}-{kind}{suffix}"'
    begin = {".parquet": b"PAR1", ".arrow": b"ARROW1", ".csv": b'"track'}[suffix]
    assert answer.content.startswith(begin)


@pytest.mark.neo4j
def test_the_result_comes_as_a_zip(service: Service, path: str) -> None:
    answer = service.client.get(f"{path}/ctc.zip")
    assert answer.headers["content-type"] == "application/zip"
    with ZipFile(BytesIO(answer.content)) as archive:
        assert archive.read("01_RES/res_track.txt").decode().splitlines()[1] == "2 1 3 1"
        assert len(archive.namelist()) == 8 + 1


@pytest.mark.neo4j
def test_parts_of_a_filtered_table_are_those_of_one_file_though_it_is_made_anew(
    service: Service, path: str, tmp_path: Path
) -> None:
    asked = f"{path}/timeseries.arrow?frames=2-5&min_frames=2"
    whole = service.client.get(asked)
    (kept,) = (tmp_path / "tables").iterdir()
    kept.unlink()
    tag = whole.headers["etag"]
    half = len(whole.content) // 2
    parts = [
        service.client.get(asked, headers={"range": wanted, "if-range": tag})
        for wanted in (f"bytes=0-{half - 1}", f"bytes={half}-")
    ]
    assert [part.status_code for part in parts] == [206, 206]
    assert {part.headers["etag"] for part in parts} == {tag}
    assert parts[0].content + parts[1].content == whole.content
    assert pyarrow.ipc.open_file(BytesIO(whole.content)).read_all().num_rows == 14
    same = f"{path}/timeseries.arrow?min_frames=2&frames=2-5"
    assert service.client.head(same).headers["etag"] == tag
    signed = service.data("query($p: String!) { signedUrl(path: $p) { url } }", p=same)["signedUrl"]["url"]
    assert service.client.head(signed).headers["etag"] == tag
    other = service.client.get(asked, headers={"range": "bytes=0-9", "if-range": '"another"'})
    assert (other.status_code, other.content) == (200, whole.content)


@pytest.mark.neo4j
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-none-match": "{tag}"}, 304),
        ({"if-none-match": "W/{tag}"}, 304),
        ({"if-none-match": '"other", W/{tag}'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": "{tag}", "range": "bytes=0-3"}, 304),
        ({"if-none-match": '"other"'}, 200),
        ({"if-none-match": '"prefix-{bare}"'}, 200),
        ({"if-none-match": "{bare}"}, 200),
        ({"if-match": "{tag}"}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": '"other"'}, 412),
        ({"range": "bytes=0-3"}, 206),
        ({"range": "bytes=-4"}, 206),
        ({"range": "bytes=0-3,8-9"}, 206),
        ({"range": "bytes=100000000-"}, 416),
        ({"range": "lines=0-3"}, 400),
        ({"range": "bytes=0-3", "if-range": "W/{tag}"}, 200),
    ],
)
def test_conditions_hold(service: Service, path: str, headers: dict[str, str], status: int) -> None:
    asked = f"{path}/links.csv"
    whole = service.client.get(asked)
    tag = whole.headers["etag"]
    sent = {name: value.format(tag=tag, bare=tag.strip('"')) for name, value in headers.items()}
    answer = service.client.get(asked, headers=sent)
    assert answer.status_code == status
    if status in (304, 412):
        assert (answer.headers["etag"], answer.content) == (tag, b"")
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(whole.content)}"
    if status == 200:
        assert answer.content == whole.content


def test_a_tag_is_found_among_others() -> None:
    assert has_tag('"a", "b" ,W/"c"', '"c"')
    assert not has_tag('"a,b"', '"b"')
    assert not has_tag(None, '"a"')
    assert not has_tag("", '"a"')


@pytest.mark.neo4j
@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ("timeseries.parquet?frame=3", 422, "it takes frames, box, features"),
        ("tracks.csv?box=0,0,9,9", 422, "it takes frames, features, founders"),
        ("links.csv?features=area", 422, "it takes frames, kinds, max_probability"),
        ("ctc.zip?frames=1-2", 422, "it takes none"),
        ("detections.csv?features=volume", 422, "area_um2"),
        ("detections.csv?frames=5-2", 422, "the last, not before it"),
        ("cells.csv", 404, "timeseries, detections, tracks, links, tracks-napari"),
        ("tracks.xlsx", 404, ".parquet or .arrow or .csv"),
        ("ctc.parquet", 404, "ctc.zip"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(
    service: Service, path: str, asked: str, status: int, told: str
) -> None:
    answer = service.client.get(f"{path}/{asked}")
    assert answer.status_code == status
    assert told in answer.json()["error"]["remedy"]
