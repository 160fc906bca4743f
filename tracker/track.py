"""The whole pipeline of the linear assignment tracker."""

from collections.abc import Iterable, Iterator

from ingest.errors import InputError
from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections, TrackingGraph
from tracker.assignment import assign
from tracker.births import explain_births
from tracker.candidates import Candidates, frame_candidates
from tracker.cells import Cells
from tracker.config import TrackerConfig
from tracker.costs import Costs
from tracker.lineage import NOBODY, Lineage
from tracker.motion import measure_motion


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
    Two label images are in memory at once.

    Args:
        labels: the cells' masks, (T, Y, X).
        detections: of these label images, with their areas (`ingest.measure`).
        config: the thresholds, all relative to the movie's own sizes and motion.
        progress: told of each pair of frames.

    Raises:
        InputError: the detections have no areas, or lie beyond the label images.
        LineageError: a cell that lies on another frame's is no detection.
    """
    costs, pairs = prepare(labels, detections, config or TrackerConfig())
    lineage = Lineage(costs.cells.frame)
    near = link_frames(lineage, progress(pairs, "Linking", total=max(len(labels) - 1, 0)), costs)
    explain_births(lineage, near, costs)
    return lineage.graph(detections, costs.cells.row)


def prepare(
    labels: LabelImages, detections: Detections, config: TrackerConfig
) -> tuple[Costs, Iterator[Candidates]]:
    """The costs of a movie, in its own lengths, and the candidates of each two following frames.

    Raises:
        InputError, LineageError: as `track`; the latter when the candidates are asked for.
    """
    _require_frames(labels, detections)
    cells = Cells.of(detections)
    motion = measure_motion(cells, len(labels))
    cells = cells.registered(motion.shift)
    reach = max(config.reach_in_steps * motion.step, config.reach_in_diameters * motion.diameter)
    pairs = frame_candidates(labels, detections, cells, motion.shift, config.search_in_reaches * reach)
    return Costs(cells, reach, config), pairs


def link_frames(lineage: Lineage, frames: Iterable[Candidates], costs: Costs) -> Candidates:
    """Link cells of following frames where that is cheap enough; the pairs whose target gets no parent."""
    config = costs.config
    orphans = []
    for pairs in frames:
        cost = costs.link(pairs)
        chosen = assign(
            pairs.source,
            pairs.target,
            cost + config.caution,
            death=config.death_cost,
            birth=config.birth_cost,
        )
        lineage.link(pairs.where(chosen), cost[chosen])
        orphans.append(pairs.where(lineage.parent[pairs.target] == NOBODY))
    return Candidates.joined(orphans)


def _require_frames(labels: LabelImages, detections: Detections) -> None:
    last = int(detections.frame.max(initial=-1))
    if last >= len(labels):
        raise InputError(
            f"detections up to frame {last}, but {len(labels)} label images",
            place=labels.source,
            remedy="give the label images that the detections were measured on",
        )
