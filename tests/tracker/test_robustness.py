"""Simulated movies made worse: fewer frames, missed cells, cells cut in two."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from ingest.measure import measure
from ingest.movie import LabelImages
from ingest.simulate import SimulatedMovie, SimulationSettings, simulate
from ingest.tracking_graph import BoolArray, IntArray, TrackingGraph
from ingest.validate import validate
from tracker.track import track


@pytest.fixture(scope="module")
def movie() -> SimulatedMovie:
    """40 frames of dividing cells, the median cell moving a fifth of its diameter a frame."""
    return simulate(SimulationSettings(), seed=3)


@dataclass(frozen=True)
class Outcome:
    """Links of a tracking against those of the truth, by the rows of the whole movie."""

    precision: float
    recall: float


def test_the_whole_movie(movie: SimulatedMovie) -> None:
    outcome = tracked_from(movie, np.ones(len(movie.graph.detections), bool))
    assert outcome.precision > 0.98
    assert outcome.recall > 0.99


def test_a_tenth_of_the_cells_is_missed(movie: SimulatedMovie) -> None:
    seen = np.random.default_rng(1).random(len(movie.graph.detections)) > 0.1
    outcome = tracked_from(movie, seen)
    assert outcome.precision > 0.97
    assert outcome.recall > 0.97


def test_every_second_frame(movie: SimulatedMovie) -> None:
    outcome = tracked_from(movie, movie.graph.detections.frame % 2 == 0, step=2)
    assert outcome.precision > 0.96
    assert outcome.recall > 0.97


def test_cells_cut_in_two_are_taken_for_divisions_rarely(movie: SimulatedMovie) -> None:
    rng = np.random.default_rng(2)
    labels = LabelImages.from_array(np.stack([_cut(image, rng) for image in movie.labels]))
    detections = measure(labels)
    graph = track(labels, detections)
    validate(graph, labels)
    cuts = len(detections) - len(movie.graph.detections)
    assert cuts > 30
    assert len(graph.divisions) - len(movie.graph.divisions) < cuts / 4


def tracked_from(movie: SimulatedMovie, seen: BoolArray, *, step: int = 1) -> Outcome:
    """Track the detections that are `seen`, in each `step`th frame."""
    truth = movie.graph.detections
    images = [
        np.where(np.isin(image, truth.label[(truth.frame == t) & seen]), image, 0)
        for t, image in enumerate(movie.labels)
    ]
    labels = LabelImages.from_array(np.stack(images[::step]))
    graph = track(labels, measure(labels))
    validate(graph, labels)
    rows = np.flatnonzero(seen)
    assert len(rows) == len(graph.detections)
    found = {tuple(link) for link in rows[graph.links].tolist()}
    true = {tuple(link) for link in _links_between(movie.graph, seen).tolist()}
    return Outcome(len(found & true) / len(found), len(found & true) / len(true))


def _links_between(truth: TrackingGraph, seen: BoolArray) -> IntArray:
    """(E, 2) links to each seen detection from the last before it that was seen, its mother's if need be."""
    before = truth.parents
    while (unseen := (before >= 0) & ~seen[before]).any():
        before = np.where(unseen, truth.parents[before], before)
    later = np.flatnonzero(seen & (before >= 0))
    return np.stack([before[later], later], axis=1)


def _cut(image: npt.NDArray[np.int32], rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Cut one cell in twenty in two, upright through its middle."""
    cut, next_label = image.copy(), int(image.max()) + 1
    for label in np.unique(image[image > 0]):
        if rng.random() < 0.05:
            y, x = np.nonzero(image == label)
            right = x > np.median(x)
            cut[y[right], x[right]] = next_label
            next_label += 1
    return cut
