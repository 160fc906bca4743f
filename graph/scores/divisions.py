"""Divisions that both trackings have, with how many frames lie between, and the measures made of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graph.scores.following import twins
from graph.scores.matching import Matching
from ingest.tracking_graph import BoolArray, IntArray, Tracks

NEVER = np.iinfo(np.int64).max
"""Shift of two divisions that are not the same."""


@dataclass(frozen=True)
class DivisionCounts:
    """Divisions found, invented and missed, when `tolerance` frames between two of them are forgiven.

    A division with wrong daughters counts as one invented and one missed; `wrong_daughters` says how many
    of those there are: both mothers match and divide in time, but not all of their daughters match.
    """

    tolerance: int
    true_positives: int
    false_positives: int
    false_negatives: int
    wrong_daughters: int

    @property
    def precision(self) -> float | None:
        """TP / (TP + FP)."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """TP / (TP + FN)."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float | None:
        """2·TP / (2·TP + FP + FN)."""
        both = 2 * self.true_positives
        return _ratio(both, both + self.false_positives + self.false_negatives)

    @property
    def mbc(self) -> float | None:
        """Mitotic branching correctness, TP / (TP + FP + FN)."""
        wrong = self.false_positives + self.false_negatives
        return _ratio(self.true_positives, self.true_positives + wrong)

    def as_dict(self) -> dict[str, float | int | None]:
        """For JSON."""
        return {
            "TP": self.true_positives,
            "FP": self.false_positives,
            "FN": self.false_negatives,
            "wrong_daughters": self.wrong_daughters,
            "precision": self.precision,
            "recall": self.recall,
            "F1": self.f1,
            "MBC": self.mbc,
        }

    @property
    def branching_correctness(self) -> float | None:
        """BC(i), i being the tolerance: F1, undefined where the reference has no division."""
        return self.f1 if self.recall is not None else None


@dataclass(frozen=True, eq=False)
class Forks:
    """The divisions of a tracking.

    Attributes:
        mother: (F,) rows of tracks.
        last: (F,) rows of the mothers' last detections.
        children: (D,) rows of tracks, those of one mother side by side.
        start: (F + 1,) `children[start[f]:start[f + 1]]` are those of fork f.
    """

    mother: IntArray
    last: IntArray
    children: IntArray
    start: IntArray

    def __len__(self) -> int:
        return len(self.mother)

    @cached_property
    def size(self) -> IntArray:
        """(F,) number of daughters."""
        return np.diff(self.start)


@dataclass(frozen=True, eq=False)
class Divisions:
    """Divisions of two trackings side by side.

    Attributes:
        reference, computed: divisions of either.
        pairs: (K, 2) rows (reference, computed) of divisions whose mothers match one to one in the last
            frame that both live.
        delay: (K,) frames from the end of the reference mother to the end of the computed one.
        shift: (K,) the tolerance from which on a pair is the same division, `NEVER` where its daughters
            do not match.
    """

    reference: Forks
    computed: Forks
    pairs: IntArray
    delay: IntArray
    shift: IntArray

    def same(self, tolerance: int) -> IntArray:
        """Rows of the pairs that are the same division, each division in one of them at most.

        Pairs that need the least tolerance come first.
        """
        taken = np.zeros(len(self.pairs), np.bool_)
        for shift in np.unique(self.shift[self.shift <= tolerance]):
            taken |= self._new_pairs(taken, shift)
        return np.flatnonzero(taken)

    def wrong_daughters(self, tolerance: int) -> IntArray:
        """Rows of the pairs whose mothers divide within the tolerance, but into other daughters."""
        same = self.pairs[self.same(tolerance)]
        is_open = self._is_open(same) & (np.abs(self.delay) <= tolerance)
        rows = np.flatnonzero(is_open)
        return rows[np.unique(self.pairs[rows, 0], return_index=True)[1]]

    def counts(self, tolerance: int) -> DivisionCounts:
        """What was found, invented and missed."""
        found = len(self.same(tolerance))
        return DivisionCounts(
            tolerance=tolerance,
            true_positives=found,
            false_positives=len(self.computed) - found,
            false_negatives=len(self.reference) - found,
            wrong_daughters=len(self.wrong_daughters(tolerance)),
        )

    def _new_pairs(self, taken: BoolArray, shift: int) -> BoolArray:
        """(K,) pairs to take at this shift beside those `taken`."""
        rows = np.flatnonzero(self._is_open(self.pairs[taken]) & (self.shift <= shift))
        new = np.zeros(len(self.pairs), np.bool_)
        new[rows[_without_rivals(self.pairs[rows])]] = True
        return new

    def _is_open(self, taken: IntArray) -> BoolArray:
        """(K,) pairs that share no division with the pairs `taken` (M, 2)."""
        free: BoolArray = ~(np.isin(self.pairs[:, 0], taken[:, 0]) | np.isin(self.pairs[:, 1], taken[:, 1]))
        return free


def _without_rivals(pairs: IntArray) -> IntArray:
    """Rows of as many of the pairs (M, 2) as there can be when each division is in one at most."""
    if all(len(np.unique(side)) == len(side) for side in pairs.T):
        return np.arange(len(pairs))
    # Hardly ever needed, and takes half a second to import.
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    graph = csr_array((np.arange(1, len(pairs) + 1), (pairs[:, 0], pairs[:, 1])))
    partner = maximum_bipartite_matching(graph, perm_type="column")  # (reference,)
    return np.flatnonzero(partner[pairs[:, 0]] == pairs[:, 1])


def forks(tracks: Tracks) -> Forks:
    """Tracks with two children or more."""
    children = np.flatnonzero(tracks.parent >= 0)
    children = children[np.argsort(tracks.parent[children], kind="stable")]
    count = np.bincount(tracks.parent[children], minlength=len(tracks))
    children = children[count[tracks.parent[children]] >= 2]
    mother = np.flatnonzero(count >= 2)
    return Forks(mother, tracks.last[mother], children, np.concatenate(([0], np.cumsum(count[mother]))))


def compare_divisions(reference: Tracks, computed: Tracks, matching: Matching) -> Divisions:
    """Find the divisions that may be the same, and what tolerance each pair needs.

    Two divisions are the same within i frames when their mothers end at most i frames apart and match one
    to one in the last frame that both live, they have equally many daughters, and each daughter of either
    begins at most i frames from a daughter of the other and matches it one to one in the first frame that
    both live: the Cell Tracking Challenge's rule for BC(i) (Ulman et al. 2017).

    Args:
        reference: tracks of the reference: tracklets for BC(i), whole cells for division measures.
        computed: tracks of the computed tracking, of the same sort.
        matching: of their detections.
    """
    truth, judged = forks(reference), forks(computed)
    there = _Side(reference, truth, twins(computed, matching.one_to_one))
    back = _Side(computed, judged, twins(reference, matching.one_to_one_of_computed))
    pairs = _candidates(there, back)
    delay = computed.end[judged.mother[pairs[:, 1]]] - reference.end[truth.mother[pairs[:, 0]]]
    shift = np.maximum(np.abs(delay), _daughter_shift(there, back, pairs))
    return Divisions(truth, judged, pairs, delay, shift)


@dataclass(frozen=True, eq=False)
class _Side:
    """One of the two trackings; `twin` (N,) is the other side's track of each detection's match."""

    tracks: Tracks
    forks: Forks
    twin: IntArray

    def fork_of_track(self) -> IntArray:
        """(T + 1,) the fork that each track is the mother of, −1 for none; the last stands for "no track"."""
        fork = np.full(len(self.tracks) + 1, -1, np.int64)
        fork[self.forks.mother] = np.arange(len(self.forks))
        return fork


def _candidates(reference: _Side, computed: _Side) -> IntArray:
    """(K, 2) forks whose mothers match in the last frame that both live: where the first of them ends."""
    pairs = [
        _other_forks(reference, computed),
        _other_forks(computed, reference)[:, ::-1],
    ]
    return np.unique(np.concatenate(pairs), axis=0)


def _other_forks(one: _Side, other: _Side) -> IntArray:
    """(K, 2) forks of `one` and of `other` such that one's mother ends on the other's mother."""
    found = other.fork_of_track()[one.twin[one.forks.last]]
    rows = np.flatnonzero(found >= 0)
    return np.stack((rows, found[rows]), axis=1)


def _daughter_shift(reference: _Side, computed: _Side, pairs: IntArray) -> IntArray:
    """(K,) frames between the births of the daughters of two forks, `NEVER` where they do not match."""
    shift = np.full(len(pairs), NEVER)
    size = reference.forks.size[pairs[:, 0]]
    alike = size == computed.forks.size[pairs[:, 1]]
    for count in np.unique(size[alike]):
        rows = np.flatnonzero(alike & (size == count))
        first = _children(reference.forks, pairs[rows, 0], count)[:, :, None]  # (rows, count, 1)
        second = _children(computed.forks, pairs[rows, 1], count)[:, None, :]  # (rows, 1, count)
        apart = _apart(reference, computed, first, second)  # (rows, count, count)
        nearest = np.maximum(apart.min(axis=2), apart.min(axis=1))  # (rows, count)
        shift[rows] = nearest.max(axis=1)
    return shift


def _children(forks: Forks, rows: IntArray, count: int) -> IntArray:
    """(rows, count) tracks of the daughters of forks that have `count` each."""
    children: IntArray = forks.children[forks.start[rows, None] + np.arange(count)]
    return children


def _apart(reference: _Side, computed: _Side, first: IntArray, second: IntArray) -> IntArray:
    """Frames between the births of tracks, `NEVER` unless they match in the first frame that both live."""
    delay = computed.tracks.begin[second] - reference.tracks.begin[first]
    later_reference = reference.twin[reference.tracks.first[first]] == second
    later_computed = computed.twin[computed.tracks.first[second]] == first
    match = np.where(delay <= 0, later_reference, later_computed)
    return np.where(match, np.abs(delay), NEVER)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
