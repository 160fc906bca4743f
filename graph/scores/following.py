"""Which computed track follows a reference track, and for how long."""

from dataclasses import dataclass

import numpy as np

from graph.scores.matching import Matching
from ingest.tracking_graph import BoolArray, IntArray, Tracks


@dataclass(frozen=True, eq=False)
class Runs:
    """Longest stretches of a reference track whose detections match one computed track, one to one.

    Attributes:
        reference: (K,) rows of reference tracks, ascending; in time within one.
        computed: (K,) rows of computed tracks; −1 where the reference is not followed.
        length: (K,) detections.
    """

    reference: IntArray
    computed: IntArray
    length: IntArray

    @property
    def is_followed(self) -> BoolArray:
        """(K,) whether the run follows a computed track."""
        followed: BoolArray = self.computed >= 0
        return followed


def follow(reference: Tracks, computed: Tracks, matching: Matching) -> Runs:
    """Cut every reference track where it passes from one computed track to another, or to none."""
    order = np.argsort(reference.of_detection, kind="stable")  # by track, then in time
    track = reference.of_detection[order]
    other = twins(computed, matching.one_to_one)[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (track[1:] != track[:-1]) | (other[1:] != other[:-1])
    first = np.flatnonzero(is_first)
    return Runs(track[first], other[first], np.diff(first, append=len(order)))


def twins(other: Tracks, match: IntArray) -> IntArray:
    """(N,) row of the track, among `other`, of each detection's match (N,); −1 where the match is −1."""
    tracks = np.append(other.of_detection, -1)  # the last stands for "no match"
    found: IntArray = tracks[match]
    return found


def lengths(tracks: Tracks) -> IntArray:
    """(T,) detections of each track."""
    return np.bincount(tracks.of_detection, minlength=len(tracks))
