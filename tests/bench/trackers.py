"""The trackers that are compared: ours with each decision, and those of others. A new one is a line here."""

import time
from collections.abc import Callable, Mapping

from api.trackers import TrackerChoice, link_cells
from ingest.measure import measure
from ingest.progress import silent
from ingest.tracking_graph import TrackingGraph
from tests.bench.peer_trackers import PEERS
from tests.bench.tracking_cases import Case
from tracker.checkpoint import HELD_OUT

OURS: Mapping[str, TrackerChoice] = {
    "learned, joint": TrackerChoice("learned", decision="joint", weights=HELD_OUT),
    "learned, assignment": TrackerChoice("learned", decision="assignment", weights=HELD_OUT),
    "lap": TrackerChoice("lap"),
    "viterbi": TrackerChoice("viterbi"),
}
"""By the name that the tables give them."""

Timed = Callable[[Case], tuple[TrackingGraph, float]]
"""The links between the detections of a case, and CPU seconds from the detections to them."""


def timed_trackers() -> dict[str, Timed]:
    """All of them by name, ours first."""
    return {name: _timed(choice) for name, choice in OURS.items()} | {
        name: peer.timed for name, peer in PEERS.items()
    }


def available(name: str) -> bool:
    """Whether one of ours can run: the learned tracker needs weights."""
    return OURS[name].name != "learned" or HELD_OUT.exists()


def features_seconds(case: Case) -> float:
    """CPU seconds from label images and pixels to the detections."""
    start = time.process_time()
    measure(case.labels, case.movie)
    return time.process_time() - start


def _timed(choice: TrackerChoice) -> Timed:
    def track(case: Case) -> tuple[TrackingGraph, float]:
        start = time.process_time()
        assert case.movie is not None
        linked = link_cells(choice, case.labels, case.detections, case.movie, silent)
        return linked.graph, time.process_time() - start

    return track
