"""The table of a score: every measure that was asked for, by its name."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from graph.scores.ancestry import cells
from graph.scores.aogm import (
    CHALLENGE_WEIGHTS,
    AogmScore,
    Operations,
    Weights,
    count_operations,
    require_weights,
    score_operations,
)
from graph.scores.biology import cell_cycle_accuracy, complete_tracks, track_fractions
from graph.scores.chota import chota
from graph.scores.divisions import DivisionCounts, Divisions, compare_divisions
from graph.scores.errors import Errors, list_errors
from graph.scores.following import Runs, follow
from graph.scores.linkages import LinkageConfusion, confuse_linkages
from graph.scores.matching import Matching
from graph.scores.parameters import DEFAULT_TOLERANCE
from graph.scores.segmentation import Segmentation
from graph.scores.tracks import TrackScore, score_tracks
from ingest.errors import InputError
from ingest.tracking_graph import TrackingGraph, Tracks

Value = float | int | None
Table = Mapping[str, "Value | Table"]


@dataclass(frozen=True, eq=False)
class Score:
    """A computed tracking compared with a reference tracking of the same movie.

    Each measure is computed when it is first asked for.

    Attributes:
        reference: what is taken as the truth.
        computed: what is judged.
        matching: of their detections.
        segmentation: comparison with exact outlines, which SEG needs.
        weights: cost of each AOGM operation.
        tolerance: divisions may be early or late by 0, 1, … up to so many frames.
        measures: names of the measures in the table, in its order.
    """

    reference: TrackingGraph
    computed: TrackingGraph
    matching: Matching
    segmentation: Segmentation | None
    weights: Weights
    tolerance: int
    measures: tuple[str, ...]

    @cached_property
    def operations(self) -> Operations:
        """The changes that AOGM counts, row by row."""
        return count_operations(self.reference, self.computed, self.matching)

    @cached_property
    def aogm(self) -> AogmScore:
        """AOGM, DET, LNK and TRA."""
        found = self.operations
        return score_operations(
            found.counts, detections=found.detections, links=found.links, weights=self.weights
        )

    @property
    def seg(self) -> float | None:
        """SEG, None where no exact outlines were given."""
        return self.segmentation.seg if self.segmentation else None

    @cached_property
    def ct(self) -> float | None:
        """Complete tracks."""
        return complete_tracks(self.reference, self.computed, self._runs)

    @cached_property
    def tf(self) -> float | None:
        """Track fractions."""
        return track_fractions(self.reference, self.computed, self._runs)

    @cached_property
    def cca(self) -> float | None:
        """Cell cycle accuracy."""
        return cell_cycle_accuracy(self.reference, self.computed)

    @cached_property
    def bc(self) -> tuple[float | None, ...]:
        """BC(i) for i of 0 to the tolerance: divisions of tracklets."""
        found = compare_divisions(self.reference.tracklets, self.computed.tracklets, self.matching)
        return tuple(found.counts(i).branching_correctness for i in range(self.tolerance + 1))

    @property
    def bio(self) -> tuple[float | None, ...]:
        """BIO(i): mean of those of CT, TF, BC(i) and CCA that are defined."""
        return tuple(_mean_of_defined(self.ct, self.tf, bc, self.cca) for bc in self.bc)

    @cached_property
    def chota(self) -> float | None:
        """CHOTA."""
        return chota(*self._cells, self.matching)

    @cached_property
    def divisions(self) -> Divisions:
        """Divisions of cells: an only child continues its parent."""
        return compare_divisions(*self._cells, self.matching)

    @cached_property
    def division_counts(self) -> tuple[DivisionCounts, ...]:
        """Divisions found, invented and missed, for tolerances of 0 and more."""
        return tuple(self.divisions.counts(i) for i in range(self.tolerance + 1))

    @cached_property
    def linkages(self) -> LinkageConfusion:
        """Confusion of linkages."""
        return confuse_linkages(self.reference, self.computed, self.matching)

    @cached_property
    def tracks(self) -> TrackScore:
        """Effectiveness, association, switches and lengths."""
        return score_tracks(self.reference, self.computed, self.matching)

    @cached_property
    def errors(self) -> Errors:
        """Every error as a thing."""
        return list_errors(
            self.reference,
            self.computed,
            self.matching,
            self.operations,
            self.divisions,
            tolerance=self.tolerance,
        )

    def as_dict(self) -> dict[str, Value | Table]:
        """The measures asked for, by name, ready for JSON; an undefined one is None."""
        return {name: MEASURES[name](self) for name in self.measures}

    def as_row(self) -> dict[str, Value]:
        """The same without nesting (`BC.0`, `divisions.1.F1`), a row of a table of many scores."""
        return dict(flat(self.as_dict()))

    @cached_property
    def _runs(self) -> Runs:
        return follow(self.reference.tracklets, self.computed.tracklets, self.matching)

    @cached_property
    def _cells(self) -> tuple[Tracks, Tracks]:
        return cells(self.reference), cells(self.computed)


def score(
    reference: TrackingGraph,
    computed: TrackingGraph,
    matching: Matching,
    *,
    segmentation: Segmentation | None = None,
    measures: Collection[str] | None = None,
    weights: Weights = CHALLENGE_WEIGHTS,
    tolerance: int = DEFAULT_TOLERANCE,
) -> Score:
    """Score `computed` against `reference`.

    Args:
        reference: what is taken as the truth.
        computed: what is judged.
        matching: `match` of their detections.
        segmentation: `score_segmentation` against exact outlines, which SEG, OP_CSB and OP_CTB need.
        measures: names out of `MEASURES`, all of them when left out; only these are computed.
        weights: cost of each AOGM operation.
        tolerance: frames by which a division may be early or late; measures are given for 0 to so many.

    Raises:
        InputError: there is no such measure, weight or tolerance.
    """
    chosen = tuple(MEASURES) if measures is None else tuple(measures)
    unknown = [name for name in chosen if name not in MEASURES]
    if unknown:
        raise InputError(
            f"there is no measure {unknown[0]!r}",
            place="measures",
            remedy=f"choose from {', '.join(MEASURES)}",
        )
    if tolerance < 0:
        raise InputError(f"{tolerance} is no number of frames", place="tolerance", remedy="give 0 or more")
    require_weights(weights)
    return Score(reference, computed, matching, segmentation, weights, tolerance, chosen)


def _operations(score: Score) -> Table:
    return {str(operation): count for operation, count in score.aogm.operations.items()}


def _divisions(score: Score) -> Table:
    return {str(counts.tolerance): counts.as_dict() for counts in score.division_counts}


def _by_tolerance(values: Iterable[Value]) -> Table:
    return {str(tolerance): value for tolerance, value in enumerate(values)}


def _mean(*values: float | None) -> float | None:
    """Mean of values that must all be defined."""
    return None if None in values else _mean_of_defined(*values)


def _mean_of_defined(*values: float | None) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def flat(table: Table, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """The measures of a table without nesting, each by its path: `BC.0`, `divisions.1.F1`."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


MEASURES: Mapping[str, Callable[[Score], Value | Table]] = MappingProxyType(
    {
        "DET": lambda score: score.aogm.det,
        "TRA": lambda score: score.aogm.tra,
        "LNK": lambda score: score.aogm.lnk,
        "AOGM": lambda score: score.aogm.aogm,
        "AOGM0": lambda score: score.aogm.aogm_0,
        "operations": _operations,
        "SEG": lambda score: score.seg,
        "OP_CSB": lambda score: _mean(score.seg, score.aogm.det),
        "OP_CTB": lambda score: _mean(score.seg, score.aogm.tra),
        "CT": lambda score: score.ct,
        "TF": lambda score: score.tf,
        "BC": lambda score: _by_tolerance(score.bc),
        "CCA": lambda score: score.cca,
        "BIO": lambda score: _by_tolerance(score.bio),
        "OP_CLB": lambda score: _by_tolerance(_mean(score.aogm.lnk, bio) for bio in score.bio),
        "CHOTA": lambda score: score.chota,
        "divisions": _divisions,
        "linkages": lambda score: score.linkages.as_dict(),
        "tracks": lambda score: score.tracks.as_dict(),
    }
)
"""What a table can hold, by name."""
