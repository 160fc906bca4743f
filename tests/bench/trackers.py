"""The trackers that are compared: ours with each decision, and those of others. A new one is a line here."""

import time
from collections.abc import Callable, Mapping

from api.trackers import TrackerChoice, load_tracker
from ingest.measure import measure
from ingest.progress import silent
from ingest.tracking_graph import TrackingGraph
from tests.bench.peer_trackers import PEERS, Seconds
from tests.bench.tracking_cases import Case
from tracker.checkpoint import HELD_OUT
from tracker.memory import keep_freed

OURS: Mapping[str, TrackerChoice] = {
    "learned, joint": TrackerChoice("learned", decision="joint", weights=HELD_OUT),
    "learned, assignment": TrackerChoice("learned", decision="assignment", weights=HELD_OUT),
    "lap": TrackerChoice("lap"),
    "viterbi": TrackerChoice("viterbi"),
}
"""By the name that the tables give them."""

Track = Callable[[Case, int], tuple[TrackingGraph, Seconds]]
"""The links between the detections of a case, and what they took, of the best of so many turns."""


def all_trackers() -> dict[str, Track]:
    """By name, ours first."""
    return {name: _ours(choice) for name, choice in OURS.items()} | {
        name: peer.track for name, peer in PEERS.items()
    }


def available(name: str) -> bool:
    """Whether one of ours can run: the learned tracker needs weights."""
    return OURS[name].name != "learned" or HELD_OUT.exists()


def _ours(choice: TrackerChoice) -> Track:
    def track(case: Case, turns: int) -> tuple[TrackingGraph, Seconds]:
        assert case.movie is not None
        keep_freed()
        link = load_tracker(choice)
        used = []
        for _ in range(turns):
            cpu, wall = time.process_time(), time.perf_counter()
            measure(case.labels, case.movie)
            linked = link(case.labels, case.detections, case.movie, silent)
            used.append(Seconds(time.process_time() - cpu, time.perf_counter() - wall))
        return linked.graph, Seconds(min(one.cpu for one in used), min(one.wall for one in used))

    return track
