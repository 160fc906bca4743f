"""How whole tracks are followed: effectiveness, association, switches, and plain lengths."""

from dataclasses import asdict, dataclass

import numpy as np

from graph.scores.aogm import link_twins
from graph.scores.following import Runs, follow, lengths, twins
from graph.scores.matching import Matching
from ingest.tracking_graph import IntArray, LinkKind, TrackingGraph, Tracks


@dataclass(frozen=True)
class Lengths:
    """Number of tracks of one side, and how many detections they have; None where there is no track."""

    tracks: int
    mean: float | None
    median: float | None
    longest: int | None


@dataclass(frozen=True)
class TrackScore:
    """How well tracks are followed; tracks go through gaps and end at divisions.

    Attributes:
        target_effectiveness: TE, detections of reference tracks that their best computed track matches,
            over all detections of the reference. Blockhuys et al. 2007, as in deepcell-tracking.
        association_accuracy: AA, the same for links within a track.
        identity_switches: successive matched detections of a reference track in two computed tracks.
        fragmentations: times that a reference track is followed again after detections without a match.
        reference, computed: lengths of the tracks of either side.
    """

    target_effectiveness: float | None
    association_accuracy: float | None
    identity_switches: int
    fragmentations: int
    reference: Lengths
    computed: Lengths

    def as_dict(self) -> dict[str, float | int | dict[str, float | int | None] | None]:
        """For JSON."""
        return {
            "TE": self.target_effectiveness,
            "AA": self.association_accuracy,
            "identity_switches": self.identity_switches,
            "fragmentations": self.fragmentations,
            "reference": asdict(self.reference),
            "computed": asdict(self.computed),
        }


def score_tracks(reference: TrackingGraph, computed: TrackingGraph, matching: Matching) -> TrackScore:
    """Compare tracks by the one-to-one matches of their detections."""
    runs = follow(reference.tracks, computed.tracks, matching)
    return TrackScore(
        target_effectiveness=target_effectiveness(reference, computed, matching),
        association_accuracy=association_accuracy(reference, computed, matching),
        identity_switches=identity_switches(runs),
        fragmentations=fragmentations(runs),
        reference=_lengths(reference.tracks),
        computed=_lengths(computed.tracks),
    )


def target_effectiveness(
    reference: TrackingGraph, computed: TrackingGraph, matching: Matching
) -> float | None:
    """TE = Σ_tracks max_computed |matches of both| / Σ_tracks |detections|."""
    other = twins(computed.tracks, matching.one_to_one)
    return _best_share(reference.tracks.of_detection, other, len(computed.tracks))


def association_accuracy(
    reference: TrackingGraph, computed: TrackingGraph, matching: Matching
) -> float | None:
    """AA = Σ_tracks max_computed |links of both| / Σ_tracks |links|, links within a track only."""
    within = np.flatnonzero(reference.kind != LinkKind.DIVISION)
    twin = link_twins(reference, computed, matching)[within]
    followed = np.append(computed.kind != LinkKind.DIVISION, False)[twin]  # the last stands for "no twin"
    later = np.append(computed.links[:, 1], 0)[twin]
    other = np.where(followed, computed.tracks.of_detection[later] if len(computed.kind) else -1, -1)
    track = reference.tracks.of_detection[reference.links[within, 1]]
    return _best_share(track, other, len(computed.tracks))


def identity_switches(runs: Runs) -> int:
    """How often a reference track passes from one computed track to another, unmatched detections skipped."""
    followed = runs.is_followed
    track, other = runs.reference[followed], runs.computed[followed]
    return int(np.sum((track[1:] == track[:-1]) & (other[1:] != other[:-1])))


def fragmentations(runs: Runs) -> int:
    """How often a reference track is lost between two runs that follow it."""
    lost = ~runs.is_followed[1:-1]
    one_track = runs.reference[:-2] == runs.reference[2:]  # and so followed before and after
    return int(np.sum(one_track & lost))


def _best_share(track: IntArray, other: IntArray, others: int) -> float | None:
    """Share of items that lie in the other track that takes most items of their track.

    Args:
        track: (M,) row of a track for each item.
        other: (M,) row of the other side's track, −1 for none.
        others: number of the other side's tracks.
    """
    if len(track) == 0:
        return None
    taken = other >= 0
    keys, count = np.unique(track[taken] * others + other[taken], return_counts=True)
    best = np.zeros(int(track.max()) + 1, np.int64)
    np.maximum.at(best, keys // max(others, 1), count)
    return int(best.sum()) / len(track)


def _lengths(tracks: Tracks) -> Lengths:
    if len(tracks) == 0:
        return Lengths(0, None, None, None)
    length = lengths(tracks)
    return Lengths(len(tracks), float(length.mean()), float(np.median(length)), int(length.max()))
