"""From a movie to a tracking: segment, measure, link. Needs no database."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

from api.trackers import TrackerChoice, load_tracker
from api.uncertain import Uncertain, uncertain
from ingest.measure import measure, require_same_shape
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.segment import SegmentationSettings, segment
from ingest.told_apart import require_told_apart
from ingest.tracking_graph import TrackingGraph
from tracker.memory import keep_freed


@dataclass(frozen=True)
class TrackedMovie:
    """What tracking a movie gives, and how it was made.

    Attributes:
        movie: the frames.
        labels: (T, Y, X) label images that the detections stand in.
        graph: the tracking.
        tracker: name of the tracker.
        parameters: of the segmentation and of the tracker, and the channel that they look at.
        seconds: wall time by step. The tracker is loaded while label images that are given are measured; what
            is still waited for then counts as tracking.
        device: that the tracker's network ran on; None without a network.
        weights: sha256 of its network's weights, in hex; None without.
        are_given: whether the label images were given, not found by our own segmentation.
        as_segmented: whether label images that were given were linked as a segmentation's, see `Linked`.
    """

    movie: Movie
    labels: LabelImages
    graph: TrackingGraph
    tracker: str
    parameters: Mapping[str, object]
    seconds: Mapping[str, float]
    device: str | None = None
    weights: str | None = None
    are_given: bool = False
    as_segmented: bool = False

    @property
    def uncertain(self) -> Uncertain | None:
        """How much of the tracking is worth a second look; None where the tracker does not say."""
        return uncertain(self.graph)

    @property
    def why_none(self) -> str | None:
        """What to do where there is no cell; None where there are some."""
        if len(self.graph.detections):
            return None
        if self.are_given:
            return f"no cell in the label images {self.labels.source}"
        if len(self.movie.channels) > 1:
            shown, others = self.parameters["channel"], ", ".join(self.movie.channels)
            return f"no cell was found in {shown}, of {others}: `--channel` chooses another"
        return "no cell was found: label images of your own (`--labels`) need no segmentation"


def track_movie(
    movie: Movie,
    labels: LabelImages | None = None,
    *,
    tracker: TrackerChoice | None = None,
    segmentation: SegmentationSettings | None = None,
    progress: Progress = silent,
) -> TrackedMovie:
    """Segment a movie unless label images are given, measure its cells, and link them.

    Args:
        movie: the frames.
        labels: (T, Y, X) label images of the same frames.
        tracker: which one; by default the learned one.
        segmentation: how cells are found where no label images are given; forced, label images are taken as
            they are.
        progress: told of each step.

    Raises:
        InputError: the label images are not of this movie, or do not tell its cells apart; the
            segmentation is out of its depth; what `load_tracker` raises.
    """
    keep_freed()
    tracker = tracker or TrackerChoice()
    are_given = labels is not None
    if labels is not None:
        require_same_shape(labels, movie)
        if segmentation is None or not segmentation.force:
            require_told_apart(labels)
    clock = [time.perf_counter()]
    with ThreadPoolExecutor(1) as beside:  # while label images are measured
        loading = beside.submit(load_tracker, tracker, segmented=labels is None)
        if labels is None:
            loading.result()  # what is wrong with it is told before minutes of segmenting
        clock.append(time.perf_counter())
        if labels is None:
            settings = segmentation or SegmentationSettings()
            labels = segment(movie, settings, progress=progress)
            origin: object = asdict(settings)
        else:
            origin = {"labels": labels.source}
        clock.append(time.perf_counter())
        detections = measure(labels, movie, progress=progress)
        clock.append(time.perf_counter())
        linked = loading.result()(labels, detections, movie, progress)
    clock.append(time.perf_counter())
    steps = zip(("load", "segment", "measure", "track"), clock, clock[1:], strict=False)
    return TrackedMovie(
        movie=movie,
        labels=labels,
        graph=linked.graph,
        tracker=tracker.name,
        parameters={
            "channel": movie.channels[movie.cell_channel],
            "segmentation": origin,
            "tracker": linked.parameters,
        },
        seconds={step: end - begin for step, begin, end in steps},
        device=linked.device,
        weights=linked.weights,
        are_given=are_given,
        as_segmented=linked.as_segmented,
    )


def measure_tracking(
    graph: TrackingGraph, labels: LabelImages, movie: Movie, progress: Progress = silent
) -> TrackingGraph:
    """The same tracking, with every feature of its detections measured in the movie."""
    return replace(graph, detections=measure(labels, movie, progress=progress))
