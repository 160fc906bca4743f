"""Trackers by name; what does not need a network does not load one."""

import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api import report
from api.choices import Decision, Tracker
from api.pipeline import track_movie
from api.trackers import TRACKERS, TrackerChoice, load_tracker
from ingest.culture import CultureSettings
from ingest.errors import InputError
from ingest.formats.ome_tiff import write_movie
from ingest.progress import silent
from ingest.simulate import SimulationSettings, simulate
from tracker.checkpoint import SEGMENTED, SHIPPED, load_model
from tracker.dataset import TrainingMovie, with_flaws
from tracker.gains import SEGMENTED_DIVISION_COST


def test_the_command_line_offers_all_trackers_and_decisions() -> None:
    from tracker.learned import DECISIONS  # with torch, which takes seconds

    assert {tracker.value for tracker in Tracker} == set(TRACKERS)
    assert {decision.value for decision in Decision} == set(DECISIONS)
    assert TrackerChoice().name == next(iter(TRACKERS))


def test_an_unknown_tracker() -> None:
    with pytest.raises(InputError, match="--tracker: no tracker 'magic'; choose one of learned, lap"):
        TrackerChoice("magic")


def test_plain_linear_assignment_says_no_probabilities() -> None:
    made = simulate(SimulationSettings(frames=4, height_um=70, width_um=90), seed=2)
    tracked = track_movie(made.movie, made.labels, tracker=TrackerChoice("lap"))
    assert tracked.tracker == "lap"
    assert tracked.graph.probability is None
    assert len(tracked.graph.links) > 5


def test_cells_of_our_own_segmentation_have_weights_of_their_own_and_their_divisions_may_cost_more() -> None:
    """Of a movie whose segmentation is right, that costs no division; and the record says so."""
    culture = CultureSettings(count=9, cycle_minutes=220, mitosis_minutes=25)
    made = simulate(SimulationSettings(frames=12, height_um=84, width_um=110, culture=culture), seed=7)
    given, found = track_movie(made.movie, made.labels), track_movie(made.movie)
    for tracked, cost, weights in ((given, 0.0, SHIPPED), (found, SEGMENTED_DIVISION_COST, SEGMENTED)):
        of_tracker = tracked.parameters["tracker"]
        assert isinstance(of_tracker, Mapping)
        assert of_tracker["division_cost"] == cost
        assert tracked.weights == load_model(weights).digest
        assert len(tracked.graph.divisions) == pytest.approx(len(made.graph.divisions), abs=1)


@pytest.fixture(scope="module")
def flawed() -> TrainingMovie:
    made = simulate(SimulationSettings(frames=20), seed=3)
    return with_flaws(TrainingMovie("made", made.movie, made.labels, made.graph), seed=1)


@pytest.mark.parametrize("decision", ["joint", "assignment"])
def test_label_images_with_flaws_are_linked_as_those_of_a_segmentation(
    flawed: TrainingMovie, decision: str
) -> None:
    choice, movie, found = TrackerChoice(decision=decision), flawed.movie, flawed.graph.detections
    assert movie is not None
    linked = load_tracker(choice)(flawed.labels, found, movie, silent)
    expected = load_tracker(choice, segmented=True)(flawed.labels, found, movie, silent)
    assert linked.as_segmented
    assert not expected.as_segmented  # it was told so
    assert linked.weights == expected.weights == load_model(SEGMENTED).digest
    assert linked.parameters == expected.parameters
    assert linked.parameters["division_cost"] == SEGMENTED_DIVISION_COST
    assert linked.parameters["decision"] == decision
    np.testing.assert_array_equal(linked.graph.links, expected.graph.links)
    np.testing.assert_array_equal(linked.graph.probability, expected.graph.probability)
    assert len(linked.graph.divisions) == pytest.approx(len(flawed.graph.divisions), abs=3)


def test_the_record_has_what_a_division_cost_where_tracks_would_begin_too_often() -> None:
    culture = CultureSettings(cycle_minutes=300)
    made = simulate(SimulationSettings(frames=16, height_um=150, width_um=170, culture=culture), seed=7)
    flawed = with_flaws(TrainingMovie("made", made.movie, made.labels, made.graph), seed=1)
    assert flawed.movie is not None
    cost = load_tracker(TrackerChoice())(
        flawed.labels, flawed.graph.detections, flawed.movie, silent
    ).parameters["division_cost"]
    assert isinstance(cost, float)
    assert 0 <= cost < SEGMENTED_DIVISION_COST


def test_weights_that_are_given_are_taken_whatever_flaws_there_are(flawed: TrainingMovie) -> None:
    assert flawed.movie is not None
    tracked = track_movie(flawed.movie, flawed.labels, tracker=TrackerChoice(weights=SHIPPED))
    assert not tracked.as_segmented
    assert tracked.weights == load_model(SHIPPED).digest


@pytest.mark.parametrize("as_segmented", [False, True])
def test_a_person_reads_how_flawed_label_images_were_linked(
    flawed: TrainingMovie, as_segmented: bool
) -> None:
    assert flawed.movie is not None
    tracked = replace(
        track_movie(flawed.movie, flawed.labels, tracker=TrackerChoice("lap")), as_segmented=as_segmented
    )
    told = report.tracked(tracked, None, None)
    assert told.document["as_segmented"] == as_segmented
    assert ("labels" in dict(told.rows)) == as_segmented


def test_weights_that_are_given_are_taken_for_whatever_cells() -> None:
    made = simulate(SimulationSettings(frames=4, height_um=70, width_um=90), seed=2)
    choice = TrackerChoice(weights=SHIPPED)
    assert track_movie(made.movie, tracker=choice).weights == load_model(SHIPPED).digest


def test_weights_are_looked_for_before_a_movie_is_segmented(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.safetensors: no such file"):
        TrackerChoice(weights=tmp_path / "none.safetensors")


def test_a_device_is_looked_for_before_a_movie_is_segmented() -> None:
    made = simulate(SimulationSettings(frames=4, height_um=70, width_um=90), seed=2)
    never_read = replace(made.movie, read=lambda frame: pytest.fail(f"frame {frame} was read"))
    with pytest.raises(InputError, match="--device: no device 'cuda:99'"):
        track_movie(never_read, tracker=TrackerChoice(device="cuda:99"))


@pytest.mark.parametrize(
    ("option", "given"),
    [("weights", Path("own.safetensors")), ("decision", "assignment"), ("device", "cuda")],
)
def test_what_only_a_network_has(option: str, given: Any) -> None:
    with pytest.raises(InputError, match=rf"{option}: {option} {given} for lap, which has no network"):
        TrackerChoice("lap", **{option: given})


TORCH = ("torch", "torch_geometric")


def without(modules: Collection[str], tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in an interpreter in which importing these modules fails."""
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({list(modules)!r}))\n"
        "from api.cli import main\n"
        f"sys.argv = {['cellkin', *arguments]!r}\n"
        "main()"
    )
    environment = {"CELLKIN_DATA_FOLDER": str(tmp_path / "data"), "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.parametrize(("tracker", "modules"), [("lap", TORCH), ("learned", ("torch_geometric", "pandas"))])
def test_tracking_imports_no_more_than_it_needs(
    tmp_path: Path, tracker: str, modules: Collection[str]
) -> None:
    """Linear assignment needs no torch; the network needs torch_geometric, and pandas, in training."""
    made = simulate(SimulationSettings(frames=4, height_um=70, width_um=90), seed=2)
    movie = write_movie(made.movie, tmp_path / "movie.ome.tif")
    result = tmp_path / "res"
    ended = without(
        modules, tmp_path, "track", str(movie), "--tracker", tracker, "--no-store", "--output", str(result)
    )
    assert ended.returncode == 0, ended.stderr
    assert (result / "res_track.txt").read_text()


@pytest.mark.parametrize("arguments", [["--help"], ["track", "--help"], ["train", "--help"]])
def test_help_needs_no_torch(tmp_path: Path, arguments: list[str]) -> None:
    ended = without(TORCH, tmp_path, *arguments)
    assert ended.returncode == 0, ended.stderr
    assert "Usage" in ended.stdout


def test_serving_needs_no_torch() -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import api.app, api.serve, api.stored, api.doctor, api.export, api.demo"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
