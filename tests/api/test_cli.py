"""The commands, as a user calls them."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pyarrow.feather
import pytest
import tifffile

from api.cli import main
from api.settings import Settings
from api.training_movies import collect
from graph.connection import Connection
from graph.server import ServerAddress
from graph.store import LineageStore
from ingest.formats.ctc import read_tracking, write_ground_truth, write_result
from ingest.formats.ome_tiff import write_movie
from ingest.movie import LabelImages, Movie, open_movie
from ingest.simulate import SimulatedMovie, SimulationSettings, simulate
from tests import lineages
from tests.api.service import put
from tests.ingest.trk_files import raw_of, trk_of, trks_of


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded

    @property
    def error(self) -> dict[str, str]:
        loaded: dict[str, str] = json.loads(self.err)["error"]
        return loaded


Call = Callable[..., Ended]


@pytest.fixture
def cellkin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Calls the command line, with a data folder of the test's own."""
    monkeypatch.setenv("CELLKIN_DATA_FOLDER", str(tmp_path / "data"))

    def call(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["cellkin", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture
def on_server(
    cellkin: Call, store: LineageStore, neo4j_server: ServerAddress, monkeypatch: pytest.MonkeyPatch
) -> Call:
    """The same, on the session's Neo4j, which is empty."""
    monkeypatch.setenv("CELLKIN_NEO4J_URI", neo4j_server.uri)
    monkeypatch.setenv("CELLKIN_NEO4J_PASSWORD", neo4j_server.password)
    return cellkin


@pytest.fixture(scope="module")
def simulated() -> SimulatedMovie:
    return simulate(SimulationSettings(frames=8), seed=3)


@pytest.fixture
def movie(simulated: SimulatedMovie, tmp_path: Path) -> Path:
    return write_movie(simulated.movie, tmp_path / "movie.ome.tif")


@pytest.fixture
def truth(simulated: SimulatedMovie, tmp_path: Path) -> Path:
    write_ground_truth(simulated.graph, simulated.labels, tmp_path / "01_GT")
    return tmp_path / "01_GT"


def test_track_from_raw_frames_needs_no_database(
    cellkin: Call, movie: Path, truth: Path, tmp_path: Path
) -> None:
    ended = cellkin("track", movie, "--no-store", "--output", tmp_path / "01_RES", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.document["tracking"] is None
    assert not (tmp_path / "data").exists()
    scored = cellkin("score", truth, tmp_path / "01_RES", "--json").document
    assert scored["DET"] > 0.95
    assert scored["TRA"] > 0.95


@pytest.fixture
def two_channels(simulated: SimulatedMovie, tmp_path: Path) -> Path:
    """The cells in the second channel; the first shows nothing."""
    cells = np.stack([simulated.movie.frame(t)[0] for t in range(3)])
    frames = np.stack([np.full_like(cells, 100), cells], axis=1)
    both = Movie.from_array(frames, name="both", axes="TCYX", pixel_size=0.65, channels=["dark", "H2B"])
    return write_movie(both, tmp_path / "both.ome.tif")


def test_the_channel_that_shows_the_cells(cellkin: Call, two_channels: Path) -> None:
    for channel in ("H2B", 1):
        found = cellkin("track", two_channels, "--channel", channel, "--no-store", "--json").document
        assert (found["channel"], found["detections"] > 20) == ("H2B", True)
    first = cellkin("track", two_channels, "--no-store")
    assert "dark, of dark, H2B (`--channel` chooses)" in first.out
    assert "no cell was found in dark, of dark, H2B: `--channel` chooses another" in " ".join(
        first.out.split()
    )
    refused = cellkin("track", two_channels, "--channel", "GFP", "--no-store", "--json")
    assert refused.code == 3
    assert refused.error["problem"] == "no channel 'GFP'"
    assert refused.error["remedy"] == "choose one of dark (0), H2B (1)"


def test_dark_cells_are_refused_with_the_ways_out(
    cellkin: Call, simulated: SimulatedMovie, tmp_path: Path
) -> None:
    frames = np.stack([simulated.movie.frame(t)[0] for t in range(2)])
    tifffile.imwrite(tmp_path / "dark.tif", 9000 - frames, metadata={"axes": "TYX"}, imagej=True)
    arguments = ("track", tmp_path / "dark.tif", "--no-store", "--json")
    refused = cellkin(*arguments)
    assert refused.code == 3
    assert "darker than the ground" in refused.error["problem"]
    assert "--labels" in refused.error["remedy"]
    forced = cellkin(*arguments, "--force", "--diameter", 22)
    assert (forced.code, forced.err) == (0, "")


def test_a_diameter_of_a_few_pixels_is_refused(cellkin: Call, movie: Path) -> None:
    ended = cellkin("track", movie, "--no-store", "--json", "--diameter", 1.3)  # µm, of 0.65 µm pixels
    assert ended.code == 3
    assert "2.0 pixels, as given" in ended.error["problem"]


@pytest.mark.neo4j
def test_a_diameter_in_micrometres_follows_the_pixel_size_of_the_store(
    on_server: Call, store: LineageStore, movie: Path
) -> None:
    store.add_movie(open_movie(movie, pixel_size=5.0))
    ended = on_server("track", movie, "--json", "--diameter", 10)
    assert ended.code == 3
    assert "2.0 pixels, as given" in ended.error["problem"]


def test_a_database_that_does_not_answer_is_told_before_tracking(
    cellkin: Call, movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLKIN_NEO4J_URI", "bolt://127.0.0.1:1")
    monkeypatch.setenv("CELLKIN_NEO4J_PASSWORD", "x")
    ended = cellkin("track", movie, "--json", "--output", tmp_path / "01_RES")
    assert (ended.code, "127.0.0.1:1" in ended.err) == (6, True)
    assert not (tmp_path / "01_RES").exists()


def test_track_with_given_label_images(cellkin: Call, movie: Path, truth: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    for mask in (truth / "TRA").glob("*.tif"):
        (labels / mask.name).write_bytes(mask.read_bytes())
    ended = cellkin("track", movie, "--labels", labels, "--no-store", "--output", tmp_path / "res", "--json")
    assert ended.code == 0
    scored = cellkin("score", truth, tmp_path / "res", "--json").document
    assert scored["DET"] == 1
    assert scored["LNK"] > 0.95


@pytest.mark.parametrize("output", ["01_GT", "notes.txt", "notes.txt/RES", "link", ".", "/proc/RES"])
def test_a_folder_for_the_result_is_refused_before_anything_is_tracked(
    cellkin: Call, truth: Path, tmp_path: Path, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("working", "other"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "working")
    (tmp_path / "notes.txt").write_text("keep")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    before = sorted(tmp_path.rglob("*"))
    place = output if output == "." else tmp_path / output
    ended = cellkin("track", tmp_path / "unread.tif", "--output", place, "--json")  # no such movie
    assert (ended.code, ended.error["place"]) == (3, str(place))
    assert ended.error["remedy"].startswith("name a")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_of_the_segmentation_is_refused_beside_label_images(
    cellkin: Call, movie: Path, truth: Path
) -> None:
    ended = cellkin("track", movie, "--labels", truth, "--no-store", "--diameter", 9)
    assert ended.code == 2
    assert "--labels" in ended.err


def test_a_mask_is_taken_as_it_is_only_by_force(
    cellkin: Call, movie: Path, truth: Path, tmp_path: Path
) -> None:
    (mask := tmp_path / "mask").mkdir()
    for file in (truth / "TRA").glob("*.tif"):
        tifffile.imwrite(mask / file.name, np.minimum(tifffile.imread(file), 1))
    arguments = ("track", movie, "--labels", mask, "--tracker", "lap", "--no-store", "--json")
    refused = cellkin(*arguments)
    assert (refused.code, "--force" in refused.error["remedy"]) == (3, True)
    assert cellkin(*arguments, "--force").code == 0


def test_a_table_beside_a_result_is_wrong_usage(cellkin: Call, tmp_path: Path) -> None:
    for output in ("x.zip", "folder"):
        ended = cellkin("export", "t0123456789abcdef", tmp_path / output, "--table", "tracks")
        assert (ended.code, "--table" in ended.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("output", ["folder.csv", "folder.zip", "x.xlsx", "/proc/x.csv", "notes.txt/x.csv"])
def test_an_export_is_refused_before_a_database_is_opened(cellkin: Call, tmp_path: Path, output: str) -> None:
    (tmp_path / "notes.txt").write_text("keep")
    for folder in ("folder.csv", "folder.zip"):
        (tmp_path / folder).mkdir()
    ended = cellkin("export", "t0123456789abcdef", tmp_path / output, "--json")
    assert (ended.code, ended.error["place"]) == (3, str(tmp_path / output))
    assert not (tmp_path / "data").exists()


def test_the_working_folder_is_no_place_for_a_backup(cellkin: Call, tmp_path: Path) -> None:
    ended = cellkin("backup", ".", "--json")
    assert (ended.code, ended.error["place"]) == (3, ".")
    assert not (tmp_path / "data").exists()


def test_lineages_of_a_folder_with_dollars_are_drawn_and_the_picture_is_named(
    cellkin: Call, truth: Path, tmp_path: Path
) -> None:
    folder = truth.rename(tmp_path / "a$x_{$")
    picture = tmp_path / "trees[bold].png"
    ended = cellkin("plot", "lineages", folder, picture)
    assert (ended.code, ended.out.strip()) == (0, f"drawn: {picture}")
    assert picture.is_file()
    assert cellkin("plot", "lineages", folder, tmp_path / "no" / "x.png").code == 3


def test_the_help_of_restore_says_what_an_import_costs(cellkin: Call) -> None:
    assert "three fifths" in " ".join(cellkin("restore", "--help").out.replace("│", " ").split())


def test_score_prints_the_measures(cellkin: Call, tmp_path: Path) -> None:
    pair = lineages.merged_cells()
    write_ground_truth(
        pair.reference.graph, LabelImages.from_array(pair.reference.labels), tmp_path / "01_GT"
    )
    write_result(pair.computed.graph, LabelImages.from_array(pair.computed.labels), tmp_path / "01_RES")
    document = cellkin("score", tmp_path / "01_GT", tmp_path / "01_RES", "--json").document
    assert document["AOGM"] == 19
    assert document["AOGM0"] == 99
    assert document["TRA"] == pytest.approx(80 / 99)
    assert document["operations"] == {"NS": 2, "FN": 0, "FP": 0, "ED": 0, "EA": 6, "EC": 0}
    shown = cellkin("score", tmp_path / "01_GT", tmp_path / "01_RES").out
    assert "0.808081" in shown
    assert "NS 2" in shown


def test_a_missing_folder_is_bad_input(cellkin: Call, tmp_path: Path) -> None:
    ended = cellkin("score", tmp_path / "nowhere", tmp_path, "--json")
    assert (ended.code, ended.out) == (3, "")
    assert ended.error["code"] == "BAD_INPUT"
    assert "nowhere" in ended.error["place"]


def test_trk_files_are_scored(cellkin: Call, tmp_path: Path) -> None:
    pair = lineages.merged_cells()
    reference = trk_of(tmp_path / "reference.trk", pair.reference)
    computed = trks_of(tmp_path / "computed.trks", [pair.reference, pair.computed])
    document = cellkin("score", reference, f"{computed}#1", "--json").document
    assert (document["AOGM"], document["AOGM0"]) == (19, 99)
    ended = cellkin("score", reference, computed, "--json")
    assert (ended.code, ended.error["problem"]) == (3, "2 movies, where one is needed")


def test_a_wrong_option_is_wrong_usage(cellkin: Call) -> None:
    assert cellkin("track", "movie.tif", "--tracker", "magic").code == 2


@pytest.mark.neo4j
def test_a_movie_goes_in_and_comes_out(
    on_server: Call, store: LineageStore, movie: Path, truth: Path, tmp_path: Path
) -> None:
    stored = on_server("ingest", movie, truth, "--author", "A. Curator", "--json").document
    record = store.tracking(stored["tracking"])
    assert (record.kind, record.author) == ("GROUND_TRUTH", "A. Curator")
    assert on_server("export", record.id, tmp_path / "out", "--json").code == 0
    one, other = read_tracking(truth).graph, read_tracking(tmp_path / "out").graph
    assert np.array_equal(one.links, other.links)
    assert np.array_equal(one.detections.label, other.detections.label)
    assert on_server("export", record.id, tmp_path / "out.csv", "--json").code == 0
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 1 + record.detections
    ended = on_server("export", record.id, tmp_path / "out.arrow", "--table", "tracks")
    assert ended.code == 0, ended.err
    assert len(pyarrow.feather.read_table(tmp_path / "out.arrow")) == record.tracks
    assert on_server("export", record.id, tmp_path / "out.zip").code == 0
    with ZipFile(tmp_path / "out.zip") as archive:
        assert len(archive.namelist()) == len(list((tmp_path / "out").iterdir()))
    assert on_server("export", record.id, tmp_path / "out.xlsx").code == 3
    assert on_server("plot", "lineages", record.id, tmp_path / "tree.png").code == 0
    assert (tmp_path / "tree.png").stat().st_size > 5000


@pytest.mark.neo4j
def test_a_curated_tracking_names_what_it_corrects(
    on_server: Call, store: LineageStore, movie: Path, truth: Path, tmp_path: Path
) -> None:
    first = on_server("ingest", movie, truth, "--json").document["tracking"]
    how = ("--kind", "curated", "--author", "A. Curator", "--json")
    stored = on_server("ingest", movie, truth, "--curated-from", first, *how).document
    assert store.tracking(stored["tracking"]).parameters["curated_from"] == first
    other = put(store, lineages.division(), author="of another movie").id
    refusals = [
        (("--curated-from", other, *how), "is of another movie"),
        (("--curated-from", "t0", *how), "t0"),
        (("--curated-from", first, "--json"), "is of a curated tracking"),
    ]
    before = store.trackings([store.tracking(first).movie_id])
    for options, problem in refusals:
        ended = on_server("ingest", movie, truth, *options)
        assert ended.code != 0
        assert problem in ended.err
    assert store.trackings([store.tracking(first).movie_id]) == before


@pytest.mark.neo4j
def test_a_trks_file_goes_in_as_a_tracking_a_movie(
    on_server: Call, store: LineageStore, tmp_path: Path
) -> None:
    drawings = [lineages.division(), lineages.generations()]
    path = trks_of(tmp_path / "set.trks", drawings)
    document = on_server("ingest", path, "--pixel-size", "0.65", "--json").document
    records = [store.tracking(one["tracking"]) for one in document["trackings"]]
    assert [(one.kind, one.detections) for one in records] == [
        ("GROUND_TRUTH", len(drawing.graph.detections)) for drawing in drawings
    ]
    movies = [store.movie(record.movie_id) for record in records]
    assert [(movie.name, movie.pixel_size) for movie in movies] == [("set#0", 0.65), ("set#1", 0.65)]
    assert np.array_equal(store.tracking_graph(records[1].id).links, drawings[1].graph.links)
    again = on_server("ingest", f"{path}#1", "--pixel-size", "0.65", "--json").document
    assert again["tracking"] == records[1].id
    (taught,) = collect([], [records[1].id], Settings())
    assert taught.movie is not None
    assert np.array_equal(taught.movie.frame(3)[1], raw_of(drawings[1])[3, :, :, 1])
    assert np.array_equal(taught.labels.frame(3), drawings[1].labels[3])
    corrected = ("--kind", "curated", "--author", "A. Curator", "--curated-from", records[0].id)
    refused = on_server("ingest", path, *corrected, "--json")  # the second movie is another one
    assert (refused.code, "is of another movie" in refused.err) == (3, True)
    assert store.trackings([records[0].movie_id]) == records[:1]


@pytest.mark.neo4j
def test_a_bad_movie_in_a_trks_file_leaves_nothing_in_the_store(
    on_server: Call, connection: Connection, tmp_path: Path
) -> None:
    late = lineages.drawn(4, [lineages.Cell(1, 0, 2), lineages.Cell(2, 2, 3, parent=1, x=4)])
    path = trks_of(tmp_path / "set.trks", [lineages.division(), late])
    ended = on_server("ingest", path, "--json")
    assert (ended.code, ended.error["code"]) == (3, "INVALID_LINEAGE")
    assert ended.error["place"].endswith("set.trks#1")
    query = "MATCH (n) WHERE NOT n:Schema RETURN count(n)"
    assert connection.read(lambda tx: tx.run(query).single(strict=True).value()) == 0


@pytest.mark.neo4j
def test_tracking_the_same_movie_again_finds_it(on_server: Call, movie: Path) -> None:
    first, again = (on_server("track", movie, "--json").document["tracking"] for _ in range(2))
    assert first == again


@pytest.mark.neo4j
def test_a_truncated_movie_leaves_nothing_in_the_store(
    on_server: Call, connection: Connection, movie: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.tif"
    cut.write_bytes(movie.read_bytes()[:-20_000])
    ended = on_server("track", cut, "--json")
    assert ended.code == 3
    assert "cut.tif" in ended.error["place"]
    query = "MATCH (n) WHERE NOT n:Schema RETURN count(n)"
    assert connection.read(lambda tx: tx.run(query).single(strict=True).value()) == 0


def test_of_a_damaged_file_scripts_read_json_alone(tmp_path: Path) -> None:
    """What tifffile logs of it would stand before."""
    movie = tmp_path / "movie.tif"
    tifffile.imwrite(movie, np.zeros((9, 64, 64), np.uint8), photometric="minisblack")
    whole = movie.read_bytes()
    movie.write_bytes(whole[: len(whole) // 2])
    program = Path(sys.executable).with_name("cellkin")
    command: list[str | Path] = [program, "track", movie, "--no-store", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, json.loads(ended.stderr)["error"]["code"]) == (3, "BAD_INPUT")


@pytest.mark.neo4j
def test_a_movie_without_cells_is_stored_empty(on_server: Call, store: LineageStore, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "dark.tif", np.full((5, 60, 70), 9, np.uint16), photometric="minisblack")
    ended = on_server("track", tmp_path / "dark.tif", "--axes", "TYX", "--json")
    assert ended.code == 0, ended.err
    assert store.tracking(ended.document["tracking"]).detections == 0


@pytest.mark.neo4j
def test_the_demo_scores_what_it_tracked(on_server: Call, store: LineageStore) -> None:
    document = on_server("demo", "--no-serve", "--json").document
    assert document["scores"]["TRA"] > 0.95
    assert document["scores"]["DET"] > 0.95
    assert document["divisions"] >= 10
    assert store.tracking(document["ground_truth"]).kind == "GROUND_TRUTH"
    (score,) = store.scores([document["tracking"]])
    assert score.table["TRA"] == document["scores"]["TRA"]
    assert Path(document["picture"]).read_bytes().startswith(b"\x89PNG")


@pytest.mark.neo4j
def test_the_doctor_finds_all_well(on_server: Call) -> None:
    ended = on_server("doctor", "--json")
    assert (ended.code, ended.document["ok"]) == (0, True)


def test_the_doctor_says_what_to_do_without_a_database(
    cellkin: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLKIN_NEO4J_URI", "bolt://127.0.0.1:1")
    monkeypatch.setenv("CELLKIN_NEO4J_PASSWORD", "x")
    ended = cellkin("doctor", "--json")
    assert ended.code == 1
    (bad,) = [finding for finding in ended.document["findings"] if not finding["ok"]]
    assert bad["check"] == "database"
    assert "CELLKIN_NEO4J_URI" in bad["remedy"]


def test_the_doctor_says_how_tracking_would_be_faster(cellkin: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLKIN_NEO4J_URI", "bolt://127.0.0.1:1")
    monkeypatch.setenv("CELLKIN_NEO4J_PASSWORD", "x")
    monkeypatch.setattr("api.doctor.compiled", lambda: None)
    findings = cellkin("doctor", "--json").document["findings"]
    (loops,) = [finding for finding in findings if finding["check"] == "loops over pixels"]
    assert loops["ok"]
    assert "install a C compiler, and run python -m ingest.compile_loops" in loops["found"]


@pytest.mark.neo4j
@pytest.mark.data
def test_a_real_movie_is_in_the_database_as_in_its_files(
    on_server: Call, store: LineageStore, connection: Connection, data_folder: Path
) -> None:
    folder = data_folder / "ctc" / "Fluo-N2DL-HeLa"
    stored = on_server("ingest", folder / "01", folder / "01_GT", "--json").document
    lines = (folder / "01_GT" / "TRA" / "man_track.txt").read_text().splitlines()
    rows = {
        label: (begin, end, parent)
        for label, begin, end, parent in (map(int, line.split()) for line in lines)
    }
    detections = sum(end - begin + 1 for begin, end, _ in rows.values())
    links = detections - len(rows) + sum(parent > 0 for _, _, parent in rows.values())
    count = (
        "MATCH (d:Detection) OPTIONAL MATCH (d)-[l:NEXT|GAP|DIVISION]->() RETURN count(DISTINCT d), count(l)"
    )
    found = connection.read(lambda tx: tx.run(count).single(strict=True).values())
    assert found == [detections, links]
    tracks = store.tracks(stored["tracking"], first=1000)
    label = {track.id: track.label for track in tracks}
    read = {t.label: (t.begin, t.end, 0 if t.parent is None else label[t.parent]) for t in tracks}
    assert read == rows
