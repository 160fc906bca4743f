"""The whole pipeline of the Viterbi tracker: a track at a time, over the whole movie."""

import numpy as np

from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections, TrackingGraph
from tracker.arcs import NO_EDGE, Arcs, Edges, arcs
from tracker.candidates import Candidates
from tracker.config import TrackerConfig
from tracker.costs import Costs
from tracker.draft import prepare
from tracker.gaps import gap_pairs
from tracker.lineage import NOBODY
from tracker.partial import PartialTracking
from tracker.trellis import LEAST_GAIN, best_paths, solve

ROUNDS = 8
"""How often loose beginnings are taken up again, at most; what is gained after three is little."""


def track_viterbi(
    labels: LabelImages,
    detections: Detections,
    *,
    config: TrackerConfig | None = None,
    progress: Progress = silent,
) -> TrackingGraph:
    """Link the detections of a movie by adding, again and again, the track that lowers the cost most.

    After Magnusson et al. 2015 (IEEE TMI 34:911): the best track is a path through the whole movie, found by
    the Viterbi algorithm, that may exchange the futures of tracks which are there already. Costs, candidates
    and thresholds are those of `tracker.track.track`; divisions are into two.

    Args:
        labels: the cells' masks, (T, Y, X); one is in memory at once, the pairs of all frames throughout.
        detections: of these label images, with their areas (`ingest.measure`).
        config: the thresholds.
        progress: told of each pair of frames.

    Raises:
        InputError: the detections have no areas, or lie beyond the label images.
        LineageError: a cell of a label image is no detection.
    """
    _, costs, pairs = prepare(labels, detections, config or TrackerConfig())
    near = Candidates.joined(list(progress(pairs, "Linking", total=max(len(labels) - 1, 0))))
    tracking = add_tracks(Edges.of(near, costs), costs)
    return tracking.lineage(costs.cells.frame).graph(detections, costs.cells.row)


def add_tracks(edges: Edges, costs: Costs) -> PartialTracking:
    """Tracks as long as one lowers the cost; then loose beginnings are taken out and added again.

    At first tracks begin by themselves. Only where all are known do mitoses, gaps and jumps compete to
    explain how they begin: at once, a path would take a cell that was missed for a while for a daughter.

    Args:
        edges: near pairs of following frames.
        costs: of the movie.
    """
    birth, death = costs.config.birth_cost, costs.config.death_cost
    tracking = PartialTracking.empty(len(costs.cells))
    _sweep(tracking, edges, costs, mitosis=False)
    for _ in range(ROUNDS):
        loosened = tracking.copy()
        alone = ~loosened.used
        gaps = gap_pairs(costs, loosened.ends | alone, loosened.founds | alone, edges.pairs)
        _loosen(loosened, costs)
        _sweep(loosened, edges.with_gaps(gaps, costs.gap(gaps)), costs, mitosis=True)
        before, after = (one.cost(birth=birth, death=death) for one in (tracking, loosened))
        if after > before - LEAST_GAIN:
            break
        tracking = loosened
    return tracking


def _sweep(tracking: PartialTracking, edges: Edges, costs: Costs, *, mitosis: bool) -> None:
    """Add paths until none is left that lowers the cost."""
    reward = costs.config.birth_cost + costs.config.death_cost
    while True:
        trellis = solve(arcs(tracking, edges, costs, mitosis=mitosis), costs.cells.frame, reward)
        chosen = best_paths(trellis)
        if not len(chosen):
            return
        _follow(tracking, edges, trellis.arcs.where(chosen))


def _follow(tracking: PartialTracking, edges: Edges, chosen: Arcs) -> None:
    """Make the paths of these arcs tracks."""
    tracking.used[chosen.head[chosen.head != NOBODY]] = True
    tracking.cut(chosen.taken[chosen.taken != NOBODY])
    for rows in (chosen.into_taken, chosen.into_head[~chosen.divides]):
        into = rows[rows != NO_EDGE]
        tracking.link(edges.pairs.where(into), edges.cost[into], edges.plain[into])
    divisions = chosen.where(chosen.divides)
    tracking.divide(edges.pairs.where(divisions.into_head), -divisions.gain)


def _loosen(tracking: PartialTracking, costs: Costs) -> None:
    """Take out the first cells of the tracks that begin for no reason."""
    late = costs.cells.frame > costs.cells.frame.min(initial=0)
    first = tracking.founds & late & (tracking.second == NOBODY)
    tracking.release(np.flatnonzero(first))
