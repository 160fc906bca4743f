"""Painted scenes: discs with names in, label images out, and a tracking told in those names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ingest.measure import measure
from ingest.movie import LabelImages
from ingest.tracking_graph import Detections, LinkKind, TrackingGraph
from ingest.validate import validate
from tracker.config import TrackerConfig
from tracker.registry import Tracker
from tracker.track import track

Disc = tuple[float, float, float]
"""y, x, radius"""
Frame = Mapping[str, Disc]
SHAPE = (120, 180)


@dataclass(frozen=True)
class Scene:
    """A painted movie.

    Attributes:
        labels: its label images.
        detections: measured on them.
        names: name of each detection, by row.
    """

    labels: LabelImages
    detections: Detections
    names: tuple[str, ...]

    def tracked(self, config: TrackerConfig | None = None, tracker: Tracker = track) -> TrackingGraph:
        """The tracking, which is a valid lineage whatever the scene."""
        graph = tracker(self.labels, self.detections, config=config)
        validate(graph, self.labels)
        return graph

    def story(self, config: TrackerConfig | None = None, tracker: Tracker = track) -> set[str]:
        """What the tracker says, a word a link: "0a-1a" goes on, "0a~2a" over a gap, "0m<1d" divides."""
        graph = self.tracked(config, tracker)
        sign = {LinkKind.NEXT: "-", LinkKind.GAP: "~", LinkKind.DIVISION: "<"}
        frame = self.detections.frame
        return {
            f"{frame[a]}{self.names[a]}{sign[LinkKind(kind)]}{frame[b]}{self.names[b]}"
            for (a, b), kind in zip(graph.links, graph.kind, strict=True)
        }


def painted(frames: Sequence[Frame], *, shape: tuple[int, int] = SHAPE, seed: int = 0) -> Scene:
    """Paint each frame's discs, a later one over an earlier; labels are shuffled from frame to frame."""
    rng = np.random.default_rng(seed)
    images = np.zeros((len(frames), *shape), np.int32)
    y, x = np.ogrid[: shape[0], : shape[1]]
    names = {}
    for t, frame in enumerate(frames):
        for label, (name, (cy, cx, radius)) in zip(
            rng.permutation(len(frame)) + 1, frame.items(), strict=True
        ):
            images[t][(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = label
            names[t, int(label)] = name
    labels = LabelImages.from_array(images)
    detections = measure(labels)
    rows = zip(detections.frame.tolist(), detections.label.tolist(), strict=True)
    return Scene(labels, detections, tuple(names[row] for row in rows))


def crowd(count: int, *, seed: int, spacing: float = 24.0, radius: float = 7.0) -> dict[str, Disc]:
    """Cells on a jittered lattice, named by capitals: enough to show what a field of cells does."""
    rng = np.random.default_rng(seed)
    places = [(y, x) for y in np.arange(20.0, 110, spacing) for x in np.arange(20.0, 170, spacing)][:count]
    jitter = rng.uniform(-3, 3, (count, 2))
    return {
        chr(ord("A") + n): (y + dy, x + dx, radius)
        for n, ((y, x), (dy, dx)) in enumerate(zip(places, jitter, strict=True))
    }


def moved(frame: Frame, dy: float, dx: float) -> dict[str, Disc]:
    """The same cells elsewhere."""
    return {name: (y + dy, x + dx, radius) for name, (y, x, radius) in frame.items()}


def magnified(frame: Frame, times: int) -> dict[str, Disc]:
    """The same cells under more magnification."""
    return {name: (y * times, x * times, radius * times) for name, (y, x, radius) in frame.items()}


def without(frame: Frame, *names: str) -> dict[str, Disc]:
    """The frame without some cells."""
    return {name: disc for name, disc in frame.items() if name not in names}


def goes_on(frames: Sequence[Frame]) -> set[str]:
    """The story of a scene in which each cell goes on under its name."""
    return {
        f"{t}{name}-{t + 1}{name}"
        for t, (before, after) in enumerate(pairwise(frames))
        for name in before.keys() & after.keys()
    }
