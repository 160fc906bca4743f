"""Files of trackings: made once, the same bytes each time, in a folder that stays small."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pyarrow.parquet
import pytest

from api.table_files import TableFiles, TrackingFile
from api.table_form import WRITERS
from api.table_query import TableQuery
from api.tables import Source, Table, TableKind, open_table
from graph.records import TrackingRecord
from graph.store import LineageStore
from ingest.errors import NotFoundError, StoreError
from ingest.formats.ctc import read_tracking
from ingest.movie import Movie
from tests import lineages
from tests.api.service import put
from tests.graph.stored import assert_equal

pytestmark = pytest.mark.neo4j
LONG_AGO = time.time() - 30 * 24 * 3600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tables"


@pytest.fixture
def files(store: LineageStore, folder: Path) -> TableFiles:
    return TableFiles(store, folder, limit=10**9)


def made(files: TableFiles, file: TrackingFile) -> Path:
    if not files.is_ready(file):
        files.make(file)
    return file.path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_made_once_however_many_ask(
    files: TableFiles, tracking: TrackingRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[TableKind] = []

    def counted(source: Source, kind: TableKind) -> Table:
        calls.append(kind)
        return open_table(source, kind)

    monkeypatch.setattr("api.table_files.open_table", counted)
    with ThreadPoolExecutor(4) as threads:
        asked = [
            threads.submit(lambda: made(files, files.table(tracking.id, TableKind.LINKS, ".csv")))
            for _ in range(8)
        ]
        assert len({one.result() for one in asked}) == 1
    assert calls == [TableKind.LINKS]


@pytest.mark.parametrize("suffix", [*WRITERS, ".zip"])
def test_a_file_that_is_made_anew_has_the_same_bytes_and_key(
    files: TableFiles, tracking: TrackingRecord, suffix: str
) -> None:
    def file() -> TrackingFile:
        if suffix == ".zip":
            return files.ctc_zip(tracking.id)
        return files.table(tracking.id, TableKind.TIMESERIES, suffix)

    first, path = file(), made(files, file())
    content = path.read_bytes()
    path.unlink()
    time.sleep(2.1)  # a zip counts time in two seconds
    assert made(files, file()).read_bytes() == content
    assert file().key == first.key


def test_what_the_content_depends_on_is_in_the_key(store: LineageStore, files: TableFiles) -> None:
    drawing = lineages.division()
    one = put(store, drawing, calibrated=False)
    other = put(store, drawing, calibrated=False, author="another")

    def keys() -> list[str]:
        return [
            files.table(one.id, TableKind.TRACKS, ".csv").key,
            files.table(other.id, TableKind.TRACKS, ".csv").key,
            files.table(one.id, TableKind.LINKS, ".csv").key,
            files.table(one.id, TableKind.TRACKS, ".arrow").key,
            files.table(one.id, TableKind.TRACKS, ".csv", TableQuery(frames=(0, 3))).key,
            files.table(one.id, TableKind.TRACKS, ".csv", TableQuery(frames=(0, 4))).key,
            files.ctc_zip(one.id).key,
        ]

    before = keys()
    assert len(set(before)) == len(before)
    assert keys() == before
    store.add_movie(Movie.from_array(drawing.labels.astype(np.uint16), name="drawn", minutes_per_frame=7))
    assert [a == b for a, b in zip(before, keys(), strict=True)] == [False] * 6 + [True]
    table = files.table(one.id, TableKind.DETECTIONS, ".parquet")
    assert pyarrow.parquet.read_table(made(files, table))["minutes"].to_pylist()[-1] == 7 * 5


def test_the_zip_is_a_result_that_reads_back(
    files: TableFiles, tracking: TrackingRecord, tmp_path: Path
) -> None:
    with ZipFile(made(files, files.ctc_zip(tracking.id))) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "unpacked")
    drawing = lineages.generations()
    sequence = read_tracking(tmp_path / "unpacked" / "01_RES")
    assert_equal(sequence.graph, drawing.graph)
    for t, image in enumerate(drawing.labels):
        np.testing.assert_array_equal(sequence.labels.frame(t), image)


def test_a_zip_needs_label_images(store: LineageStore, files: TableFiles) -> None:
    bare = put(store, lineages.division(), labels=False)
    with pytest.raises(NotFoundError, match="label images"):
        files.ctc_zip(bare.id)


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds, path.stat().st_mtime))


def test_the_files_not_asked_for_longest_go_when_the_folder_is_full(
    store: LineageStore, folder: Path, tracking: TrackingRecord
) -> None:
    def links(files: TableFiles, last_frame: int) -> TrackingFile:  # all of one size: the movie has 8 frames
        return files.table(tracking.id, TableKind.LINKS, ".csv", TableQuery(frames=(0, last_frame)))

    roomy = TableFiles(store, folder, limit=10**9)
    first, second, third = (links(roomy, last) for last in (20, 21, 22))
    for file, ago in ((first, 2000), (second, 4000), (third, 3000)):
        age(made(roomy, file), ago)
    size = first.path.stat().st_size
    files = TableFiles(store, folder, limit=3 * size + size // 2)
    assert files.is_ready(second)  # asked for again
    fourth = links(files, 23)
    made(files, fourth)
    assert names(folder) == {first.path.name, second.path.name, fourth.path.name}


def test_a_file_that_is_about_to_be_read_stays_though_the_folder_is_full(
    store: LineageStore, folder: Path, tracking: TrackingRecord
) -> None:
    files = TableFiles(store, folder, limit=0)
    links, tracks = (files.table(tracking.id, kind, ".csv") for kind in (TableKind.LINKS, TableKind.TRACKS))
    made(files, links)
    made(files, tracks)
    assert names(folder) == {links.path.name, tracks.path.name}
    age(links.path, 10_000)
    files.tidy()
    assert names(folder) == {tracks.path.name}


def test_files_of_a_removed_tracking_go_when_it_is_asked_for_or_another_is_made(
    store: LineageStore, files: TableFiles, folder: Path, tracking: TrackingRecord
) -> None:
    other = put(store, lineages.division(), author="another")
    third = put(store, lineages.gap(), author="a third")
    for record in (tracking, other, third):
        made(files, files.table(record.id, TableKind.TRACKS, ".csv"))
    store.delete_tracking(tracking.id)
    with pytest.raises(NotFoundError):
        files.table(tracking.id, TableKind.TRACKS, ".csv")
    assert {name.split(".")[0] for name in names(folder)} == {other.id, third.id}
    store.delete_tracking(other.id)
    made(files, files.table(third.id, TableKind.LINKS, ".csv"))
    assert {name.split(".")[0] for name in names(folder)} == {third.id}


def test_what_a_dead_writer_left_goes_and_what_a_living_one_writes_stays(
    files: TableFiles, folder: Path, tracking: TrackingRecord
) -> None:
    for name in (".writing-old", ".writing-now"):
        (folder / name).mkdir(parents=True)
        (folder / name / "part.csv").write_text("half")
    os.utime(folder / ".writing-old", (LONG_AGO, LONG_AGO))
    made(files, files.table(tracking.id, TableKind.TRACKS, ".csv"))
    assert {name for name in names(folder) if name.startswith(".")} == {".writing-now"}


def test_a_folder_that_cannot_be_written_is_said_so(
    store: LineageStore, tmp_path: Path, tracking: TrackingRecord
) -> None:
    (tmp_path / "file").write_text("in the way")
    files = TableFiles(store, tmp_path / "file" / "tables", limit=10**9)
    file = files.table(tracking.id, TableKind.TRACKS, ".csv")
    with pytest.raises(StoreError, match="CELLKIN_DATA_FOLDER"):
        files.make(file)


def test_many_makers_and_a_full_folder_do_not_get_in_each_others_way(
    store: LineageStore, folder: Path, tracking: TrackingRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.table_files.IN_USE_S", 0.0)  # so that what is made may be removed at once
    files = TableFiles(store, folder, limit=2000)

    def make(number: int) -> str:
        asked = TableQuery(frames=(0, 10 + number % 7))
        file = files.table(tracking.id, TableKind.LINKS, ".csv", asked)
        files.make(file)
        return file.key

    with ThreadPoolExecutor(6) as threads:
        keys = list(threads.map(make, range(42)))
    assert len(set(keys)) == 7
    files.tidy()
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 2000
