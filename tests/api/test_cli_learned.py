"""`cellkin train`, and `cellkin track` with what it leaves, as a user calls them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from matplotlib.image import imread

from graph.store import LineageStore
from ingest.formats.ctc import read_tracking, write_ground_truth
from ingest.formats.ome_tiff import write_movie
from ingest.movie import Movie
from ingest.simulate import SimulatedMovie
from ingest.validate import validate
from tests.api.learning import write_challenge
from tests.api.test_cli import Call, Ended, cellkin, on_server
from tracker.checkpoint import SEGMENTED, SHIPPED, load_model

__all__ = ["cellkin", "on_server"]  # fixtures


@pytest.fixture
def frames(dividing: SimulatedMovie, tmp_path: Path) -> Path:
    return write_challenge(dividing, tmp_path / "Simulated" / "01")


def trained(cellkin: Call, *arguments: object) -> Ended:
    """A training of three steps, or of four, in two rounds, from nothing; without simulated movies."""
    alone = () if "--simulated" in arguments else ("--simulated", 0)
    ended = cellkin("train", *arguments, *alone, "--steps", 3, "--device", "cpu", "--json")
    assert (ended.code, ended.err) == (0, "")
    return ended


def test_train_then_track(cellkin: Call, frames: Path, tmp_path: Path) -> None:
    document = trained(cellkin, frames, "--output", tmp_path / "out").document
    assert document["movies"] == ["Simulated/01"]
    assert document["steps"] == 4
    assert 0 < document["validation"] < 100
    for picture in (document["losses"], document["confusion"]):
        assert imread(picture).shape[0] > 300
    again = trained(cellkin, frames, "--output", tmp_path / "out").document
    assert again == document  # it was done already
    masks = frames.with_name("01_ST") / "SEG"
    for decision in ("joint", "assignment"):
        ended = cellkin(
            "track", frames, "--labels", masks, "--weights", document["weights"], "--decision", decision,
            "--no-store", "--output", tmp_path / decision, "--json",
        )  # fmt: skip
        assert ended.code == 0, ended.err
        found = read_tracking(tmp_path / decision)
        validate(found.graph, found.labels)
        assert len(found.graph.detections) == ended.document["detections"]


def test_a_person_reads_where_the_files_are(cellkin: Call, frames: Path, tmp_path: Path) -> None:
    ended = cellkin("train", frames, "--steps", 1, "--output", tmp_path / "out", "--held-out", 0)
    assert ended.code == 0
    shown = " ".join(ended.out.split())
    assert "cellkin track --weights" in shown
    assert "nothing: no validation" in shown
    assert "2, of which the last weights count: nothing was held out" in shown
    assert not (tmp_path / "out" / "confusion.png").exists()


def test_frames_and_their_tracking(
    cellkin: Call, dividing: SimulatedMovie, frames: Path, tmp_path: Path
) -> None:
    write_ground_truth(dividing.graph, dividing.labels, tmp_path / "corrected")
    document = trained(cellkin, f"{frames}={tmp_path / 'corrected'}", "--output", tmp_path / "out").document
    assert document["movies"] == ["Simulated/01"]


def test_cells_of_the_built_in_segmentation(cellkin: Call, frames: Path, tmp_path: Path) -> None:
    segmented = (frames, "--segmented", "--output")
    tuned = trained(cellkin, *segmented, tmp_path / "tuned", "--finetune").document
    assert tuned["movies"] == ["Simulated/01 with flaws", "Simulated/01 as segmented"]
    assert tuned["steps"] == 3  # small ones, from the weights for such cells
    same = trained(cellkin, *segmented, tmp_path / "same", "--from", SEGMENTED).document
    other = trained(cellkin, *segmented, tmp_path / "other", "--from", SHIPPED).document
    assert Path(tuned["weights"]).read_bytes() == Path(same["weights"]).read_bytes()
    assert Path(tuned["weights"]).read_bytes() != Path(other["weights"]).read_bytes()


def test_the_channel_that_is_learned_from(
    cellkin: Call, dividing: SimulatedMovie, frames: Path, tmp_path: Path
) -> None:
    cells = np.stack([dividing.movie.frame(t)[0] for t in range(len(dividing.movie))])
    both = np.stack([cells // 9, cells], axis=1)
    write_movie(Movie.from_array(both, name="both", axes="TCYX"), tmp_path / "both.ome.tif")
    write_ground_truth(dividing.graph, dividing.labels, tmp_path / "corrected")
    two = f"{tmp_path / 'both.ome.tif'}={tmp_path / 'corrected'}"
    ways: dict[str, tuple[object, ...]] = {
        "alone": (f"{frames}={tmp_path / 'corrected'}",),
        "second": (two, "--channel", 1),
        "first": (two,),
    }
    weights = {}
    for name, given in ways.items():
        weights[name] = Path(trained(cellkin, *given, "--output", tmp_path / name).document["weights"])
    models = {name: load_model(path).model.state_dict() for name, path in weights.items()}
    for name, same in (("second", True), ("first", False)):
        alike = [bool((models[name][key] == value).all()) for key, value in models["alone"].items()]
        assert all(alike) == same, name
    refused = cellkin("train", two, "--channel", "GFP", "--output", tmp_path / "none", "--json")
    assert (refused.code, refused.error["problem"]) == (3, "no channel 'GFP'")


def test_a_plain_stack_is_learned_from_where_its_axes_are_given(
    cellkin: Call, frames: Path, dividing: SimulatedMovie, tmp_path: Path
) -> None:
    stack = tmp_path / "plain.tif"
    tifffile.imwrite(stack, np.stack([dividing.movie.frame(t)[0] for t in range(16)]))
    given = f"{stack}={frames.with_name('01_GT')}"
    refused = cellkin("train", given, "--output", tmp_path / "out", "--json")
    assert (refused.code, "--axes TYX" in refused.error["remedy"]) == (3, True)
    assert trained(cellkin, given, "--axes", "TYX", "--output", tmp_path / "out").document["steps"] == 4


@pytest.mark.parametrize("output", ["file", "file/below"])
def test_where_nothing_can_be_written_nothing_is_trained(
    cellkin: Call, frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.setattr("api.training.train", lambda *_, **__: pytest.fail("trained"))
    (tmp_path / "file").touch()
    ended = cellkin("train", frames, "--output", tmp_path / output, "--json")
    assert (ended.code, ended.error["place"]) == (3, str(tmp_path / output))
    assert "cannot be written" in ended.error["problem"]


def test_who_stops_a_training_reads_how_it_goes_on(
    cellkin: Call, frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated = []

    def once(*given: Any) -> float:
        validated.append(given)
        if len(validated) > 1:
            raise KeyboardInterrupt
        return 1.0

    monkeypatch.setattr("tracker.train.validation_loss", once)
    stopped = cellkin("train", frames, "--steps", 1, "--output", tmp_path / "out")
    assert stopped.code == 130
    assert "the same command goes on from the last state" in " ".join(stopped.out.split())
    assert (tmp_path / "out" / "state.safetensors").exists()


def test_weights_to_begin_with_are_given_once(cellkin: Call, frames: Path, tmp_path: Path) -> None:
    ended = cellkin("train", frames, "--finetune", "--from", SHIPPED, "--output", tmp_path / "out")
    assert ended.code == 2
    assert "give one" in " ".join(ended.err.replace("│", " ").split())


def test_how_to_segment_is_said_with_segmented_only(cellkin: Call, frames: Path, tmp_path: Path) -> None:
    ended = cellkin("train", frames, "--diameter", 12, "--output", tmp_path / "out")
    assert ended.code == 2
    assert "give --segmented" in " ".join(ended.err.replace("│", " ").split())
    small = ("train", frames, "--segmented", "--diameter", 0.5, "--output", tmp_path / "out", "--json")
    refused = cellkin(*small)
    assert (refused.code, refused.error["code"]) == (3, "BAD_INPUT")
    assert not (tmp_path / "out").exists()


def test_what_is_known_is_rehearsed_and_steps_have_a_length(
    cellkin: Call, frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fine-tuning alone on a movie without divisions would forget what they look like."""
    monkeypatch.setattr("tracker.train.REHEARSED", 1)
    done = cellkin(
        "train", frames, "--finetune", "--steps", 1, "--learning-rate", 0.002, "--device", "cpu",
        "--output", tmp_path / "out", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.document["movies"] == ["Simulated/01", "simulated-0"]
    record = load_model(Path(done.document["weights"])).record
    assert record["training"]["learning_rate"] == 0.002


def test_finetuning_from_weights_of_ones_own(cellkin: Call, frames: Path, tmp_path: Path) -> None:
    first = trained(cellkin, frames, "--output", tmp_path / "one").document
    second = trained(cellkin, frames, "--from", first["weights"], "--output", tmp_path / "other").document
    assert (first["steps"], second["steps"]) == (4, 3)
    assert second["weights"] != first["weights"]
    refused = cellkin("train", frames, "--from", first["card"], "--output", tmp_path / "third", "--json")
    assert (refused.code, refused.error["place"]) == (3, first["card"])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "no movie to learn from"),
        (["nowhere"], "no ground truth nowhere_GT beside the frames"),
        (["{frames}=nowhere"], "nowhere"),
        (["{frames}", "--device", "abacus"], "no device 'abacus'"),
        (["{frames}", "--held-out", "0.9"], None),
    ],
)
def test_what_cannot_be_learned_from_is_bad_input(
    cellkin: Call, frames: Path, tmp_path: Path, arguments: list[str], problem: str | None
) -> None:
    given = [argument.format(frames=frames) for argument in arguments]
    ended = cellkin("train", *given, "--steps", 1, "--output", tmp_path / "out", "--json")
    if problem is None:
        assert ended.code == 0
        return
    assert ended.code == 3
    assert problem in f"{ended.error['problem']} {ended.error['place']}"
    assert not (tmp_path / "out" / "lineage.safetensors").exists()


@pytest.mark.neo4j
def test_a_stored_tracking_teaches_and_what_it_taught_is_stored(
    on_server: Call, store: LineageStore, dividing: SimulatedMovie, tmp_path: Path
) -> None:
    movie = write_movie(dividing.movie, tmp_path / "movie.ome.tif")
    write_ground_truth(dividing.graph, dividing.labels, tmp_path / "01_GT")
    truth = on_server("ingest", movie, tmp_path / "01_GT", "--json").document["tracking"]
    document = trained(on_server, "--stored", truth, "--output", tmp_path / "out").document
    ended = on_server(
        "track", movie, "--labels", tmp_path / "01_GT" / "TRA", "--weights", document["weights"], "--json"
    )
    assert ended.code == 0, ended.err
    record = store.tracking(ended.document["tracking"])
    assert record.author == "learned"
    probability = store.tracking_graph(record.id).probability
    assert probability is not None
    assert ((probability >= 0) & (probability <= 1)).all()
    unknown = on_server("train", "--stored", "t0000000000000000", "--json")
    assert unknown.code == 4
