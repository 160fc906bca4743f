"""Ways to explain why tracks begin, which compete in one assignment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.tracking_graph import FloatArray, IntArray
from tracker.assignment import assign
from tracker.candidates import Candidates


@dataclass(frozen=True, eq=False)
class Explanation:
    """One way: E tracks may begin because of E cells.

    Attributes:
        pairs: (E,) of a cell and of the first cell of a track.
        cost: (E,) of each.
        of_ends: whether the sources are ends of tracks, which cost a death each unless they explain a track;
            else they are mothers, who pay nothing for that.
        accept: makes the pairs of some rows true.
    """

    pairs: Candidates
    cost: FloatArray
    of_ends: bool
    accept: Callable[[IntArray], None]


def accept_cheapest(ways: Sequence[Explanation], count: int, *, death: float, birth: float) -> int:
    """Accept what is cheapest together, where each track begins for one reason at most.

    A cell explains one beginning as an end, and one as a mother, at most.

    Args:
        ways: all there are.
        count: number of cells, N.
        death: cost of a track's end that explains nothing.
        birth: cost of a beginning without explanation.

    Returns:
        How many beginnings were explained.
    """
    chosen = assign(
        np.concatenate([way.pairs.source + (0 if way.of_ends else count) for way in ways]),
        np.concatenate([way.pairs.target for way in ways]),
        np.concatenate([way.cost for way in ways]),
        death=np.repeat([death, 0.0], count),  # of each cell as an end, then of each as a mother
        birth=birth,
    )
    stops = np.cumsum([len(way.pairs) for way in ways])
    for way, stop, rows in zip(
        ways, stops, np.split(chosen, np.searchsorted(chosen, stops[:-1])), strict=True
    ):
        way.accept(rows - (stop - len(way.pairs)))
    return len(chosen)
