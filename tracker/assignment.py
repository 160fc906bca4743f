"""Linear assignment with shadow objects: who goes with whom, who comes from nowhere, who goes nowhere."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from ingest.tracking_graph import FloatArray, IntArray

BATCH = 512
"""Pairs that are solved at once, unless one component has more: the solver's time outgrows its rows."""


def assign(
    source: IntArray,
    target: IntArray,
    cost: FloatArray,
    *,
    death: FloatArray | float,
    birth: FloatArray | float,
) -> IntArray:
    """The cheapest assignment of n sources to m targets, each to one at most.

    It minimises the costs of the chosen pairs, the deaths of the sources left over and the births of the
    targets left over, summed. Jaqaman et al. 2008 (Nat. Methods 5:695) and Moen et al. 2019 write it as one
    dense (n + m)² assignment, in which each cell has a shadow::

                       m targets      n shadows
        n sources   [  cost           diag(death)  ]
        m shadows   [  diag(birth)    0 · costᵀ    ]     0 where a pair is possible: it decides nothing

    A pair saves death + birth − cost; a pair that saves nothing is in no best assignment. What is left falls
    into connected components, which are solved apart from each other and sparsely.

    Args:
        source: (E,) first end of each possible pair; no pair comes twice.
        target: (E,) second end.
        cost: (E,) of each pair.
        death: (n,) cost of each source that is left over, or one number for all.
        birth: (m,) cost of each target that is left over, or one number for all.

    Returns:
        Rows of the chosen pairs, ascending.
    """
    saving = _of(death, source) + _of(birth, target) - cost
    worth = np.flatnonzero(saving > 0)
    batches = [worth[batch] for batch in _batches(source[worth], target[worth])]
    chosen = [batch[_solve(source[batch], target[batch], saving[batch])] for batch in batches]
    return np.sort(np.concatenate([worth[:0], *chosen]))


def _of(cost: FloatArray | float, cells: IntArray) -> FloatArray | float:
    return cost[cells] if isinstance(cost, np.ndarray) else cost


def _batches(source: IntArray, target: IntArray) -> Iterator[IntArray]:
    """Rows of the pairs, in batches of whole connected components of their bipartite graph."""
    if not len(source):
        return
    (n, row), (m, column) = _numbered(source), _numbered(target)
    graph = csr_array((np.ones(len(row), bool), (row, n + column)), shape=(n + m, n + m))
    _, component = connected_components(graph, directed=False)
    component = component[row]  # (E,)
    order = np.argsort(component, kind="stable")
    size = np.bincount(component)
    batch = (np.cumsum(size) - size) // BATCH  # by the pair that each component begins with
    yield from np.split(order, np.flatnonzero(np.diff(batch[component[order]])) + 1)


def _solve(source: IntArray, target: IntArray, saving: FloatArray) -> IntArray:
    """Rows of the pairs that save most together; each saves something.

    A source may go to a shadow of its own, which saves nothing: so all are matched, as the solver needs
    (LAPJVsp, Jonker & Volgenant 1987, through scipy).
    """
    (n, row), (m, column) = _numbered(source), _numbered(target)
    shadow = np.arange(n)
    saved = np.concatenate([saving, np.zeros(n)])
    weight = saving.max() + 1 - saved  # above 0, which the solver takes for no pair
    ends = (np.concatenate([row, shadow]), np.concatenate([column, m + shadow]))
    matched, partner = min_weight_full_bipartite_matching(csr_array((weight, ends), shape=(n, m + n)))
    match = np.empty(n, np.int64)
    match[matched] = partner
    return np.flatnonzero(match[row] == column)


def _numbered(cells: IntArray) -> tuple[int, IntArray]:
    """How many cells there are, and the number of each among them."""
    known, number = np.unique(cells, return_inverse=True)
    return len(known), number
