"""The trackers by name. A new one is a function like `track`, named here and in `config.TRACKERS`.

Users choose it from the list `api.choices.Tracker`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections, TrackingGraph
from tracker.config import TrackerConfig
from tracker.track import track
from tracker.viterbi import track_viterbi


class Tracker(Protocol):
    """Links the detections of a movie: see `tracker.track.track`."""

    def __call__(
        self,
        labels: LabelImages,
        detections: Detections,
        *,
        config: TrackerConfig | None = None,
        progress: Progress = silent,
    ) -> TrackingGraph:
        """The tracking of the detections, which stand in the label images."""


TRACKER_OF: Mapping[str, Tracker] = MappingProxyType({"lap": track, "viterbi": track_viterbi})
"""Name to tracker, for each of `config.TRACKERS`."""
