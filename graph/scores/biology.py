"""Measures of what biologists take from lineages: CT, TF and CCA (BC is in divisions.py), and their means.

Ulman et al. 2017, An objective comparison of cell-tracking algorithms, Nat. Methods 14:1141. All of them
look at tracklets, one label each, as the Cell Tracking Challenge does.
"""

import numpy as np

from graph.scores.following import Runs, lengths
from ingest.tracking_graph import FloatArray, IntArray, TrackingGraph, Tracks


def complete_tracks(reference: TrackingGraph, computed: TrackingGraph, runs: Runs) -> float | None:
    """CT = 2·T_rc / (T_r + T_c).

    T_rc counts the reference tracklets that one computed tracklet of the same first and last frame matches
    one to one in every frame; T_r and T_c count the tracklets of either. None without a reference.
    """
    truth, judged = reference.tracklets, computed.tracklets
    if len(truth) == 0:
        return None
    whole = _whole(truth, runs)
    first, second = runs.reference[whole], runs.computed[whole]
    complete = (truth.begin[first] == judged.begin[second]) & (truth.end[first] == judged.end[second])
    return 2 * int(complete.sum()) / (len(truth) + len(judged))


def track_fractions(reference: TrackingGraph, computed: TrackingGraph, runs: Runs) -> float | None:
    """TF: mean over the detected reference tracklets of (longest followed run) / (length).

    A computed tracklet that follows one reference from begin to end is not credited for any of a higher
    label. So the challenge's programs count it (docs/decisions/0005-scores-against-oracles.md); it makes TF
    depend on the order of the labels. None when no reference tracklet is detected.
    """
    followed = _credited(reference, computed, runs)
    longest = np.zeros(len(reference.tracklets), np.int64)
    np.maximum.at(longest, runs.reference[followed], runs.length[followed])
    fraction = longest / lengths(reference.tracklets)
    return float(fraction[longest > 0].mean()) if longest.any() else None


def cell_cycle_accuracy(reference: TrackingGraph, computed: TrackingGraph) -> float | None:
    """CCA = 1 − max |F_r − F_c|, F the cumulative distribution of the lengths of whole cell cycles.

    A whole cycle is a tracklet that begins and ends in a division. None without one in the reference, 0
    without one in the computed tracking.
    """
    truth, judged = cycle_lengths(reference.tracklets), cycle_lengths(computed.tracklets)
    if len(truth) == 0:
        return None
    return likeness(truth, judged) if len(judged) else 0.0


def cycle_lengths(tracks: Tracks) -> IntArray:
    """(K,) frames of the tracks that begin and end in a division."""
    children = np.bincount(tracks.parent[tracks.parent >= 0], minlength=len(tracks))
    divides = np.append(children >= 2, False)  # the last stands for "no parent"
    whole = divides[:-1] & divides[tracks.parent]
    frames: IntArray = (tracks.end - tracks.begin + 1)[whole]
    return frames


def likeness(first: IntArray, second: IntArray) -> float:
    """1 − the largest distance between the cumulative distributions of two samples."""
    values = np.union1d(first, second)
    return 1 - float(np.max(np.abs(cumulative(first, values) - cumulative(second, values))))


def cumulative(sample: IntArray, values: IntArray) -> FloatArray:
    """Share of `sample` that is at most each of `values`."""
    share: FloatArray = np.searchsorted(np.sort(sample), values, side="right") / len(sample)
    return share


def _whole(reference: Tracks, runs: Runs) -> IntArray:
    """Rows of the runs that span a whole reference track."""
    return np.flatnonzero(runs.is_followed & (runs.length == lengths(reference)[runs.reference]))


def _label_order(graph: TrackingGraph) -> IntArray:
    """(T,) rank of each tracklet by its label, by its begin where labels are equal."""
    label = graph.detections.label[graph.tracklets.first]
    return np.argsort(np.argsort(label, kind="stable"))


def _credited(reference: TrackingGraph, computed: TrackingGraph, runs: Runs) -> IntArray:
    """Rows of the runs that count for TF."""
    rank = _label_order(reference)
    whole = _whole(reference.tracklets, runs)
    last_rank = np.full(len(computed.tracklets), len(rank))
    np.minimum.at(last_rank, runs.computed[whole], rank[runs.reference[whole]])
    followed = np.flatnonzero(runs.is_followed)
    return followed[rank[runs.reference[followed]] <= last_rank[runs.computed[followed]]]
