"""What jobs do, in this process: everything that may be sent, and what they tell of what cannot be used."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from api.job_work import Work, run_job
from api.uploads import UploadFolder
from graph.job_records import JobKind
from graph.records import TrackingKind
from graph.store import LineageStore
from ingest.errors import CellkinError
from ingest.formats.ctc import write_result
from ingest.movie import LabelImages
from ingest.progress import silent
from tests import lineages
from tests.api.sending import LIMITS, frames_of, raw_of, sent, stack_of, zip_of
from tests.ingest.trk_files import trk_of, trks_of

pytestmark = pytest.mark.neo4j

DRAWING = lineages.generations()
MASKS = DRAWING.labels.astype(np.uint16)
RAW = raw_of(DRAWING)
USUAL: dict[JobKind, dict[str, Any]] = {
    JobKind.TRACK: {"tracker": "lap", "decision": "joint"},
    JobKind.INGEST: {"kind": "GROUND_TRUTH", "author": "A."},
}


class Bench:
    """A place to run jobs at."""

    def __init__(self, store: LineageStore, folder: Path) -> None:
        self.store, self.uploads = store, UploadFolder(folder / "uploads", LIMITS)
        self.scratch = folder / "scratch"
        self.stored: list[str] = []
        self.notes: list[str] = []
        self._runs = 0

    def run(self, job: JobKind, /, **arguments: Any) -> None:
        self._runs += 1
        scratch = self.scratch / str(self._runs)
        scratch.mkdir(parents=True)
        work = Work(self.store, self.uploads, scratch, silent, self.notes.append, self.stored.append)
        run_job(job, USUAL[job] | arguments, work)

    def refusal(self, job: JobKind, /, **arguments: Any) -> CellkinError:
        with pytest.raises(CellkinError) as caught:
            self.run(job, **arguments)
        assert self.stored == []
        assert str(self.uploads.folder) not in str(caught.value)
        assert str(self.scratch) not in str(caught.value)
        assert caught.value.remedy
        return caught.value


@pytest.fixture
def bench(store: LineageStore, tmp_path: Path) -> Bench:
    return Bench(store, tmp_path)


def test_a_movie_with_masks_of_ones_own(bench: Bench) -> None:
    sent(bench.uploads, "movie.tif", stack_of(RAW))
    sent(bench.uploads, "masks.zip", zip_of(**frames_of(MASKS, "mask")))
    for _ in range(2):
        bench.run(JobKind.TRACK, upload="movie.tif", labels="masks.zip", pixel_size=0.5, minutes_per_frame=10)
    assert len(set(bench.stored)) == 1  # again is the same
    record = bench.store.tracking(bench.stored[0])
    assert (record.kind, record.author) == (TrackingKind.PREDICTED, "lap")
    assert record.detections == len(DRAWING.graph.detections)
    assert record.parameters["segmentation"] == {"labels": "masks.zip"}
    assert record.provenance.source == "movie.tif"
    movie = bench.store.movie(record.movie_id)
    assert (movie.name, movie.source, movie.pixel_size) == ("movie", "movie.tif", 0.5)


def test_a_movie_without_cells_and_one_that_has_a_name_are_noted(bench: Bench) -> None:
    two = np.stack([np.zeros_like(RAW), RAW], axis=1)
    sent(bench.uploads, "two.tif", stack_of(two, "TCYX"))
    bench.run(JobKind.TRACK, upload="two.tif", name="mine")
    assert bench.notes == [
        "no cell was found in channel 0, of channel 0, channel 1: `channel` chooses another"
    ]
    bench.run(JobKind.TRACK, upload="two.tif", name="another", channel="1", force=True, diameter=6.0)
    assert bench.notes[1:] == ["another: these frames are stored already as mine, and keep that name"]


def test_what_to_do_is_told_in_the_words_of_graphql(bench: Bench) -> None:
    unclear = np.zeros((4, 9, 9), np.uint8)
    sent(bench.uploads, "a--b.tif", lambda path: tifffile.imwrite(path, unclear, photometric="minisblack"))
    error = bench.refusal(JobKind.TRACK, upload="a--b.tif")
    assert error.place == "a--b.tif"
    assert error.remedy == 'say so, for example axes: "TYX"'


def test_each_movie_of_an_archive(bench: Bench) -> None:
    sent(bench.uploads, "two.zip", zip_of(a=stack_of(RAW), b=stack_of(RAW[:5])))
    bench.run(JobKind.TRACK, upload="two.zip", force=True, diameter=6.0)
    movies = [bench.store.movie(bench.store.tracking(one).movie_id) for one in bench.stored]
    assert [(movie.name, movie.frames) for movie in movies] == [("two/a", len(RAW)), ("two/b", 5)]
    refused = Bench(bench.store, bench.scratch.parent / "other")
    sent(refused.uploads, "two.zip", zip_of(a=stack_of(RAW), b=stack_of(RAW[:5])))
    sent(refused.uploads, "masks", stack_of(MASKS))
    assert "several movies" in refused.refusal(JobKind.TRACK, upload="two.zip", labels="masks").problem


def test_a_ground_truth(bench: Bench, tmp_path: Path) -> None:
    write_result(DRAWING.graph, LabelImages.from_array(DRAWING.labels), tmp_path / "01_RES")
    files = frames_of(MASKS, "01_RES__mask")
    text = (tmp_path / "01_RES/res_track.txt").read_bytes()
    files["01_RES__res_track_txt"] = lambda path: path.write_bytes(text)
    sent(bench.uploads, "truth.zip", zip_of(**files))
    sent(bench.uploads, "movie", stack_of(RAW))
    bench.run(JobKind.INGEST, upload="movie", tracking="truth.zip", author="A. Curator", kind="CURATED")
    record = bench.store.tracking(bench.stored[0])
    assert (record.kind, record.author, record.tracks) == (
        TrackingKind.CURATED,
        "A. Curator",
        len(DRAWING.graph.tracks),
    )
    assert record.provenance.source == "truth.zip/res_track.txt"
    assert record.parameters == {"source": "truth.zip"}


def test_trk_files_are_stored_or_tracked_anew(bench: Bench, tmp_path: Path) -> None:
    two, one = trks_of(tmp_path / "a", [DRAWING, lineages.one_track()]), trk_of(tmp_path / "b", DRAWING)
    sent(bench.uploads, "two.trks", lambda path: path.write_bytes(two.read_bytes()))
    sent(bench.uploads, "one.trk", lambda path: path.write_bytes(one.read_bytes()))
    bench.run(JobKind.INGEST, upload="two.trks")
    bench.run(JobKind.TRACK, upload="one.trk", labels="one.trk")
    records = [bench.store.tracking(one) for one in bench.stored]
    assert [(record.kind.value, record.author) for record in records] == [
        ("GROUND_TRUTH", "A."),
        ("GROUND_TRUTH", "A."),
        ("PREDICTED", "lap"),
    ]
    assert records[0].detections == records[2].detections == len(DRAWING.graph.detections)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ({"upload": "movie", "labels": "short"}, "BAD_INPUT", "label images are"),
        ({"upload": "movie", "axes": "TQYX"}, "BAD_INPUT", "axes 'TQYX'"),
        ({"upload": "gone"}, "NOT_FOUND", "no upload 'gone'"),
    ],
)
def test_a_movie_that_cannot_be_tracked(
    bench: Bench, arguments: dict[str, str], code: str, said: str
) -> None:
    sent(bench.uploads, "movie", stack_of(RAW))
    sent(bench.uploads, "short", stack_of(MASKS[:3]))
    error = bench.refusal(JobKind.TRACK, **arguments)
    assert error.code == code
    assert said in error.problem


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"upload": "movie"}, "without a tracking"),
        ({"upload": "two", "tracking": "truth"}, "2 movies for one tracking"),
        ({"upload": "movie", "tracking": "movie"}, "a TIFF file"),
        ({"upload": "movie", "tracking": "truth"}, "label 1 is in the mask"),
        ({"upload": "one.trk", "tracking": "truth"}, "that has its own"),
    ],
)
def test_a_tracking_that_cannot_be_stored(
    bench: Bench, tmp_path: Path, arguments: dict[str, str], said: str
) -> None:
    files = frames_of(MASKS, "mask")
    files["res_track_txt"] = lambda path: path.write_text("9 0 2 0\n")
    sent(bench.uploads, "truth", zip_of(**files))
    sent(bench.uploads, "movie", stack_of(RAW))
    sent(bench.uploads, "two", zip_of(a=stack_of(RAW), b=stack_of(RAW)))
    trk = trk_of(tmp_path / "a", DRAWING)
    sent(bench.uploads, "one.trk", lambda path: path.write_bytes(trk.read_bytes()))
    assert said in bench.refusal(JobKind.INGEST, **arguments).problem
