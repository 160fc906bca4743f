"""What each kind of evidence is worth, and what the network knows of kinds of movies that it never saw.

Trains the network eight times, for fewer steps than the shipped one, and fine-tunes it twelve times: one to
two hours on two cores.
Every figure is of the ground truth's own cells: a line a figure, AOGM and strict division F1.
"""

import argparse
import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from api.console import Reporter
from api.training_movies import sequence, simulated
from graph.scores.matching import Matching
from graph.scores.report import Score, score
from ingest.progress import Progress
from tracker.dataset import Example, TrainingMovie, Variation, make_example, vary
from tracker.learned import LearnedConfig, decided, judge
from tracker.model import LineageModel
from tracker.train import FINETUNING, REHEARSED, TrainingConfig, from_nothing, train

SETS = ("Fluo-N2DL-HeLa", "DIC-C2DH-HeLa", "PhC-C2DL-PSC")
SIMULATED = 6
SLOWER = 3
"""Every so manieth frame, for a kind that is not only unknown but moves farther from frame to frame, too."""
FOR_CALIBRATION = 0.1
"""Share of the frames of the kinds that are known: nothing calibrates for a kind that is not."""
ABLATIONS: Mapping[str, Mapping[str, bool]] = {
    "all evidence": {},
    "without appearance": {"appearance": False},
    "without graph": {"graph": False},
    "without motion": {"motion": False},
    "without memory": {"memory": False},
}


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the three sets, each with 01, 01_GT and 01_ST")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--only", choices=["left-out", "ablations"], help="one half of the figures")
    arguments = parser.parse_args()
    config = from_nothing(arguments.steps)
    with Reporter(as_json=False).bars() as bars:
        movies = [sequence(arguments.data / name / "01", bars) for name in SETS]
        others = simulated(SIMULATED, 0, bars)
        if arguments.only != "ablations":
            for movie in movies:
                known = [other for other in movies if other is not movie]
                left_out(movie, known, others, config, bars)
        if arguments.only != "left-out":
            ablations(movies, others, config, bars)


def left_out(
    movie: TrainingMovie,
    known: Sequence[TrainingMovie],
    others: Sequence[TrainingMovie],
    config: TrainingConfig,
    progress: Progress,
) -> None:
    """Trained on all sets but one, and on simulated movies; figures of the whole sequence left out."""
    calibrated = replace(config, held_out=FOR_CALIBRATION)
    model = train([*known, *others], calibrated, progress=progress).model
    example = make_example(movie, Variation(0, len(movie.labels)))
    _print(f"left out {movie.name}", [example], model)
    fine_tuned(movie, others[:REHEARSED], model, progress)
    slower = part(movie, Variation(0, len(movie.labels), SLOWER))
    slower = replace(slower, name=f"{movie.name}, every third frame")
    fine_tuned(slower, others[:REHEARSED], model, progress)


def fine_tuned(
    movie: TrainingMovie, rehearsed: Sequence[TrainingMovie], model: LineageModel, progress: Progress
) -> None:
    """What a corrected tenth, and third, of a movie of an unknown kind teach: figures of its last 30 %."""
    frames = len(movie.labels)
    end = make_example(movie, Variation(round(0.7 * frames), frames))
    _print(f"{movie.name}, last 30 %, before fine-tuning", [end], model)
    for share in (0.1, 0.33):
        corrected = part(movie, Variation(0, round(share * frames)))
        config = replace(FINETUNING, held_out=0.0)
        taught = train([corrected, *rehearsed], config, model=copy.deepcopy(model), progress=progress).model
        divisions = len(corrected.graph.divisions)
        _print(f"{movie.name}, last 30 %, fine-tuned on {divisions} divisions", [end], taught)


def part(movie: TrainingMovie, way: Variation) -> TrainingMovie:
    """A movie seen in another way, as a movie."""
    labels, images, graph = vary(movie, way)
    return TrainingMovie(movie.name, images, labels, graph)


def ablations(
    movies: Sequence[TrainingMovie],
    others: Sequence[TrainingMovie],
    config: TrainingConfig,
    progress: Progress,
) -> None:
    """Trained on the first 70 % of each set without some evidence; figures of the held-out stretches."""
    for name, evidence in ABLATIONS.items():
        trained = train([*movies, *others], config, evidence=evidence, progress=progress)
        _print(name, trained.held_out, trained.model)
        if not evidence:
            _print("assignment in place of the joint decision", trained.held_out, trained.model, "assignment")


def _print(name: str, examples: Sequence[Example], model: LineageModel, decision: str = "joint") -> None:
    scores = [_score(example, model, decision) for example in examples]
    aogm = [score.aogm.aogm for score in scores]
    counts = [score.division_counts[0] for score in scores]
    right = sum(count.true_positives for count in counts)
    wrong = sum(count.false_positives + count.false_negatives for count in counts)
    parts = " + ".join(f"{value:g}" for value in aogm)
    print(
        f"{name}: AOGM {sum(aogm):g} ({parts}), division F1 {2 * right / (2 * right + wrong):.3f}", flush=True
    )


def _score(example: Example, model: LineageModel, decision: str) -> Score:
    logits = judge(example.inputs, model, torch.device("cpu"))
    computed = decided(example.scene, logits, example.graph.detections, LearnedConfig(decision=decision))
    rows = np.arange(len(example.graph.detections))
    matching = Matching(rows, np.ones(len(rows), np.int64))  # its own cells
    return score(example.graph, computed, matching, measures=["AOGM", "divisions"])


if __name__ == "__main__":
    main()
