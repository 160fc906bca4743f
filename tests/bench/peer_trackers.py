"""Trackers of others as functions of a case: laptrack and btrack, each in an environment of its own."""

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.tracking_graph import LinkKind, TrackingGraph
from tests.bench.culture import linked
from tests.bench.peer_environments import BTRACK_ENVIRONMENT, LAPTRACK_ENVIRONMENT, Environment
from tests.bench.tracking_cases import Case

Recipe = Mapping[str, object]
WORKER = Path(__file__).with_name("peer_worker.py")
TUTORIAL_FEATURES = ("area", "axis_major_length", "axis_minor_length", "orientation", "solidity")
"""What btrack's tutorial for cells measures."""


@dataclass(frozen=True)
class Seconds:
    """What a tracker takes from label images (and pixels, where it looks at them) to links."""

    cpu: float
    wall: float

    def least(self, other: "Seconds") -> "Seconds":
        """The smaller of each."""
        return Seconds(min(self.cpu, other.cpu), min(self.wall, other.wall))


@dataclass(frozen=True)
class Peer:
    """A tracker of others, with settings.

    Attributes:
        environment: that it runs in.
        recipe: the tracker's name in `peer_worker.py` and its settings, for a case.
    """

    environment: Environment
    recipe: Callable[[Case], Recipe]

    def track(self, case: Case, turns: int = 1) -> tuple[TrackingGraph, Seconds]:
        """Its links between the detections of a case, and what they took, of the best of some turns.

        Raises:
            RuntimeError: it failed; the message is its own.
        """
        table = case.detections
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
            np.savez(
                source,
                labels=np.stack([case.labels.stored_frame(t) for t in range(len(case.labels))]),
                frame=table.frame,
                label=table.label,
                recipe=json.dumps({**self.recipe(case), "turns": turns}),
            )
            command = [str(self.environment.python), str(WORKER), str(source), str(target)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr.strip()[-2000:])
            with np.load(target) as found:
                return linked(table, found["links"]), Seconds(float(found["cpu"]), float(found["wall"]))


def true_step(case: Case, percentile: float = 99) -> float:
    """Percentile of the true steps from frame to frame, pixels: what nobody knows beforehand."""
    table = case.detections
    ends = case.truth.links[case.truth.kind == LinkKind.NEXT]
    steps = np.hypot(*(np.diff(column[ends], axis=1)[:, 0] for column in (table.y, table.x)))
    return float(np.percentile(steps, percentile))


def _documented(_: Case) -> Recipe:
    """As in laptrack's example of segmented cells; `gap_closing_cutoff` is its default, 15²."""
    return {"tracker": "laptrack", "cutoff": 15**2, "splitting_cutoff": 30**2}


def _oracle(case: Case) -> Recipe:
    cutoff = (2.5 * true_step(case)) ** 2
    return {
        "tracker": "laptrack",
        "cutoff": cutoff,
        "splitting_cutoff": cutoff,
        "gap_closing_cutoff": cutoff,
    }


def _overlap(_: Case) -> Recipe:
    """As in laptrack's example of tracking by overlap."""
    return {
        "tracker": "laptrack-overlap",
        "cutoff": 0.9,
        "metric_coefs": (1.0, -1.0, 0.0, 0.0, 0.0),
        "gap_closing_metric_coefs": (1.0, -1.0, 0.0, 0.0, 0.0),
        "gap_closing_max_frame_count": 1,
        "splitting_cutoff": 0.9,
        "splitting_metric_coefs": (1.0, 0.0, 0.0, 0.0, -1.0),
    }


def _btrack(*features: str) -> Callable[[Case], Recipe]:
    """Its cell configuration, with the search radius of its tutorial for cells."""
    return lambda _: {"tracker": "btrack", "max_search_radius": 100, "features": features}


PEERS: Mapping[str, Peer] = {
    "laptrack, documented radius": Peer(LAPTRACK_ENVIRONMENT, _documented),
    "laptrack, oracle radius": Peer(LAPTRACK_ENVIRONMENT, _oracle),
    "laptrack, overlap": Peer(LAPTRACK_ENVIRONMENT, _overlap),
    "btrack, motion": Peer(BTRACK_ENVIRONMENT, _btrack()),
    "btrack, motion and features": Peer(BTRACK_ENVIRONMENT, _btrack(*TUTORIAL_FEATURES)),
}
"""By the name that the tables give them."""
