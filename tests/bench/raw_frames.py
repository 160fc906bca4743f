"""Trackers on the cells of a segmentation: those that ours finds in raw frames, and true ones with flaws."""

from collections.abc import Iterator, Mapping

from api.trackers import TrackerChoice, load_tracker
from graph.scores.matching import match
from graph.scores.report import Score, score
from ingest.errors import InputError
from ingest.measure import measure
from ingest.movie import LabelImages, Movie
from ingest.progress import silent
from ingest.segment import segment
from ingest.tracking_graph import Detections, TrackingGraph
from tests.bench.tracking_cases import TOLERANCE, Case
from tracker.checkpoint import HELD_OUT, SEGMENTED_HELD_OUT

FROM_RAW: Mapping[str, TrackerChoice] = {
    "learned, joint": TrackerChoice(weights=SEGMENTED_HELD_OUT),
    "learned, for true cells": TrackerChoice(weights=HELD_OUT),
    "lap": TrackerChoice("lap"),
}
"""By the name that the table gives them; the second has the weights for label images that are given."""


def scores_from_raw_frames(case: Case) -> Iterator[tuple[str, Score]]:
    """The score of each tracker on a case's frames against its true cells; none where they are refused."""
    assert case.movie is not None
    try:
        labels = segment(case.movie)
    except InputError:
        return
    detections = measure(labels, case.movie)
    matching = match((case.detections, case.labels), (detections, labels))
    for name, graph in _linked(labels, detections, case.movie):
        yield name, score(case.truth, graph, matching, tolerance=TOLERANCE)


def scores_of_flawed_cells(case: Case) -> Iterator[tuple[str, Score]]:
    """The score of each tracker on a case whose cells have flaws, linked as those of a segmentation."""
    assert case.movie is not None
    for name, graph in _linked(case.labels, case.detections, case.movie):
        yield name, case.score(graph)


def _linked(labels: LabelImages, detections: Detections, movie: Movie) -> Iterator[tuple[str, TrackingGraph]]:
    """What each tracker makes of the cells of a segmentation."""
    for name, choice in FROM_RAW.items():
        yield name, load_tracker(choice, segmented=True)(labels, detections, movie, silent).graph
