"""The joint decision: links, divisions, births and deaths chosen together, by integer programs."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

from ingest.threads import default_threads
from ingest.tracking_graph import BoolArray, FloatArray, IntArray
from tracker.meeting import meeting

BATCH = 2000
"""Choices that are solved at once, unless one component has more."""


@dataclass(frozen=True, eq=False)
class Choices:
    """What may be chosen between N cells.

    Attributes:
        count: N.
        link: (E, 2) earlier and later cell: the same cell.
        link_gain: (E,) log-odds that it is true, and what it saves of births and deaths.
        sure_gain: (E,) gain by which links are taken before divisions; those not above 0 wait for them.
        division: (T, 3) mother and two daughters.
        division_gain: (T,) likewise, less what a division costs.
        another: (A, 2) mother and a third daughter, of a mother who divides.
        another_gain: (A,) log-odds that she is one.
    """

    count: int
    link: IntArray
    link_gain: FloatArray
    sure_gain: FloatArray
    division: IntArray
    division_gain: FloatArray
    another: IntArray
    another_gain: FloatArray

    def worth_it(self) -> tuple[IntArray, IntArray, IntArray]:
        """Rows of the links, divisions and daughters that gain anything."""
        return (
            np.flatnonzero(self.link_gain > 0),
            np.flatnonzero(self.division_gain > 0),
            np.flatnonzero(self.another_gain > 0),
        )


@dataclass(frozen=True, eq=False)
class Program:
    """maximise gain · x, x in {0, 1}ⁿ, takes · x ≤ 1, needs · x ≤ 0.

    Attributes:
        gain: (n,) of each choice.
        takes: (m, n) the origins and fates of cells that each choice takes.
        needs: (M, n) of each mother's third daughters, 1, and of her divisions, −1.
    """

    gain: FloatArray
    takes: csr_array
    needs: csr_array

    def part(self, columns: IntArray) -> "Program":
        """The program of some choices that share no constraint with the others."""
        takes, needs = self.takes[:, columns], self.needs[:, columns]
        return Program(self.gain[columns], takes[_filled(takes)], needs[_filled(needs)])

    def solve(self) -> BoolArray:
        """(n,) which choices gain most together: HiGHS (Huangfu & Hall 2018) through scipy."""
        constraints = [
            LinearConstraint(matrix, ub=bound)
            for matrix, bound in ((self.takes, 1), (self.needs, 0))
            if matrix.shape[0]
        ]
        found = milp(
            -self.gain,
            integrality=np.ones(len(self.gain), np.int64),
            bounds=Bounds(0, 1),
            constraints=constraints,
        )
        assert found.success, found.message  # choosing nothing is always allowed
        chosen: BoolArray = found.x > 0.5
        return chosen


def decide_jointly(choices: Choices) -> tuple[IntArray, IntArray, IntArray]:
    """The links, divisions and third daughters that gain most together.

    With x, d, a in {0, 1} of links, divisions and third daughters, it maximises Σ gain·x + Σ gain·d +
    Σ gain·a so that each cell c has one origin at most, Σ x into c + Σ d with daughter c + Σ a with daughter
    c ≤ 1; one fate at most, Σ x out of c + Σ d with mother c ≤ 1; and a mother one third daughter at most, if
    she divides, Σ a of c ≤ Σ d with mother c. What gains nothing is not chosen; the rest falls into connected
    components, most of them a single choice.

    Returns:
        Rows of the chosen links, divisions and third daughters, ascending.
    """
    links, divisions, others = choices.worth_it()
    program = _program(choices, links, divisions, others)
    chosen = np.zeros(len(program.gain), bool)
    alone, batches = _batches(program)
    chosen[alone] = True
    with ThreadPoolExecutor(default_threads()) as pool:  # HiGHS lets go of the interpreter
        solved = pool.map(lambda columns: program.part(columns).solve(), batches)
        for columns, best in zip(batches, solved, strict=True):
            chosen[columns] = best
    x, d, a = np.split(chosen, np.cumsum([len(links), len(divisions)]))
    return links[x], divisions[d], others[a]


def _program(choices: Choices, links: IntArray, divisions: IntArray, others: IntArray) -> Program:
    link, division, another = choices.link[links], choices.division[divisions], choices.another[others]
    n, sizes = choices.count, (len(links), len(divisions), len(others))
    x, d, a = np.split(np.arange(sum(sizes)), np.cumsum(sizes[:2]))
    column = np.concatenate([x, x, d, d, d, a])
    place = np.concatenate(  # a cell's fate, or n + a cell's origin
        [
            link[:, 0],
            n + link[:, 1],
            division[:, 0],
            n + division[:, 1],
            n + division[:, 2],
            n + another[:, 1],
        ]
    )
    _, place = np.unique(place, return_inverse=True)
    takes = csr_array(
        (np.ones(len(column)), (place, column)), shape=(int(place.max(initial=-1)) + 1, sum(sizes))
    )
    mothers, of_another = np.unique(another[:, 0], return_inverse=True)
    row, of_mother = meeting(mothers, division[:, 0])
    needs = coo_array(
        (
            np.concatenate([np.ones(len(a)), -np.ones(len(row))]),
            (np.concatenate([of_another, row]), np.concatenate([a, d[of_mother]])),
        ),
        shape=(len(mothers), sum(sizes)),
    )
    gain = np.concatenate(
        [choices.link_gain[links], choices.division_gain[divisions], choices.another_gain[others]]
    )
    return Program(gain, takes, needs.tocsr())


def _batches(program: Program) -> tuple[IntArray, list[IntArray]]:
    """The choices that nothing competes with, and the others, in batches of whole components."""
    count = len(program.gain)
    if not count:
        return np.zeros(0, np.int64), []
    both = vstack([program.takes, program.needs])
    ends = coo_array(both)
    size = count + both.shape[0]
    graph = coo_array((np.ones(both.nnz, bool), (ends.col, count + ends.row)), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    component = component[:count]
    needy = np.zeros(count, bool)
    needy[coo_array(program.needs).col] = True
    alone = (np.bincount(component)[component] == 1) & ~needy
    rest = np.flatnonzero(~alone)
    rest = rest[np.argsort(component[rest], kind="stable")]
    _, number = np.unique(component[rest], return_inverse=True)
    first = np.searchsorted(number, number)  # of each choice's component
    batches = np.split(rest, np.flatnonzero(np.diff(first // BATCH)) + 1)
    return np.flatnonzero(alone), [batch for batch in batches if len(batch)]


def _filled(matrix: csr_array) -> BoolArray:
    filled: BoolArray = np.diff(matrix.indptr) > 0
    return filled
