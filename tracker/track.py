"""The whole pipeline of the linear assignment tracker."""

from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections, TrackingGraph
from tracker.config import TrackerConfig
from tracker.draft import make_draft


def track(
    labels: LabelImages,
    detections: Detections,
    *,
    config: TrackerConfig | None = None,
    progress: Progress = silent,
) -> TrackingGraph:
    """Link the detections of a movie into tracks and lineages.

    Cells are linked from frame to frame by linear assignment; a second assignment over the whole movie closes
    gaps and finds the mothers of the cells that are born. Which pixels share a label matters, not its value.
    One label image is in memory at once.

    Args:
        labels: the cells' masks, (T, Y, X).
        detections: of these label images, with their areas (`ingest.measure`).
        config: the thresholds, all relative to the movie's own sizes and motion.
        progress: told of each pair of frames.

    Raises:
        InputError: the detections have no areas, or lie beyond the label images.
        LineageError: a cell of a label image is no detection.
    """
    draft = make_draft(labels, detections, config or TrackerConfig(), progress)
    return draft.lineage.graph(detections, draft.cells.row)
