"""The draft: what plain linear assignment makes of a movie, and all pairs of cells that it looked at."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ingest.errors import InputError
from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.tracking_graph import BoolArray, Detections, FloatArray
from tracker.assignment import assign
from tracker.births import explain_births
from tracker.candidates import Candidates, frame_candidates
from tracker.cells import Cells
from tracker.config import TrackerConfig
from tracker.costs import Costs
from tracker.lineage import NOBODY, Lineage
from tracker.motion import Motion, measure_motion


@dataclass(frozen=True, eq=False)
class Draft:
    """A movie of N cells, linked by linear assignment.

    Attributes:
        cells: the detections, registered.
        edge: (N,) pixels from where a cell's centre is seen to the nearest edge of its frame.
        motion: the movie's scales.
        costs: of links between its cells.
        lineage: who came from whom.
        pairs: (E,) all candidates of following frames, by (source, target).
        has_parent, has_child: (N,) whether the assignment from frame to frame alone linked the cell.
    """

    cells: Cells
    edge: FloatArray
    motion: Motion
    costs: Costs
    lineage: Lineage
    pairs: Candidates
    has_parent: BoolArray
    has_child: BoolArray

    def is_inside(self, diameters: float) -> BoolArray:
        """(N,) whether a cell's centre is at least so many diameters away from the edge of its frame."""
        inside: BoolArray = self.edge >= diameters * self.motion.diameter
        return inside


def make_draft(
    labels: LabelImages, detections: Detections, config: TrackerConfig, progress: Progress = silent
) -> Draft:
    """Link cells from frame to frame, then explain why tracks begin; one label image is in memory at once.

    Raises:
        InputError: the detections have no areas, or lie beyond the label images.
        LineageError: a cell of a label image is no detection.
    """
    motion, costs, frames = prepare(labels, detections, config)
    cells = costs.cells
    lineage = Lineage(cells.frame)
    pairs = Candidates.joined(list(progress(frames, "Linking", total=max(len(labels) - 1, 0))))
    link_frames(lineage, pairs, costs)
    has_parent, has_child = lineage.parent != NOBODY, lineage.child != NOBODY
    explain_births(lineage, pairs.where(~has_parent[pairs.target]), costs)
    edge = _to_edge(cells, detections, labels.shape[1:])
    return Draft(cells, edge, motion, costs, lineage, pairs, has_parent, has_child)


def prepare(
    labels: LabelImages, detections: Detections, config: TrackerConfig
) -> tuple[Motion, Costs, Iterator[Candidates]]:
    """The scales of a movie, the costs in them, and the candidates of each two following frames.

    Raises:
        InputError, LineageError: as `make_draft`; the latter when the candidates are asked for.
    """
    _require_frames(labels, detections)
    cells = Cells.of(detections)
    motion = measure_motion(cells, len(labels))
    cells = cells.registered(motion.shift)
    reach = max(config.reach_in_steps * motion.step, config.reach_in_diameters * motion.diameter)
    frames = frame_candidates(labels, detections, cells, motion.shift, config.search_in_reaches * reach)
    return motion, Costs(cells, reach, config), frames


def link_frames(lineage: Lineage, pairs: Candidates, costs: Costs) -> None:
    """Link cells of following frames where that is cheap enough, each two frames apart from the others."""
    config, cost = costs.config, costs.link(pairs)
    chosen = assign(
        pairs.source, pairs.target, cost + config.caution, death=config.death_cost, birth=config.birth_cost
    )
    lineage.link(pairs.where(chosen), cost[chosen])


def _to_edge(cells: Cells, detections: Detections, shape: tuple[int, int]) -> FloatArray:
    y, x = detections.y[cells.row], detections.x[cells.row]
    edge: FloatArray = np.minimum.reduce([y, x, shape[0] - 1 - y, shape[1] - 1 - x])
    return edge


def _require_frames(labels: LabelImages, detections: Detections) -> None:
    last = int(detections.frame.max(initial=-1))
    if last >= len(labels):
        raise InputError(
            f"detections up to frame {last}, but {len(labels)} label images",
            place=labels.source,
            remedy="give the label images that the detections were measured on",
        )
