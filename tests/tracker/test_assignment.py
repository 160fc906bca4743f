from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from ingest.tracking_graph import FloatArray, IntArray
from tracker import assignment
from tracker.assignment import assign

IMPOSSIBLE = 1e6


@dataclass(frozen=True)
class Problem:
    """n sources, m targets, E possible pairs."""

    source: IntArray
    target: IntArray
    cost: FloatArray
    death: FloatArray
    birth: FloatArray

    def assigned(self) -> IntArray:
        return assign(self.source, self.target, self.cost, death=self.death, birth=self.birth)

    def total(self, chosen: IntArray) -> float:
        """What a choice of pairs costs, births and deaths included."""
        left_over = (
            np.delete(self.death, self.source[chosen]).sum()
            + np.delete(self.birth, self.target[chosen]).sum()
        )
        return float(self.cost[chosen].sum() + left_over)


def jaqaman_total(problem: Problem) -> float:
    """Cost of the best assignment of the whole (n + m)² matrix of Jaqaman et al. 2008, by a dense solver."""
    n, m = len(problem.death), len(problem.birth)
    matrix = np.full((n + m, m + n), IMPOSSIBLE)
    matrix[problem.source, problem.target] = problem.cost
    matrix[np.arange(n), m + np.arange(n)] = problem.death
    matrix[n + np.arange(m), np.arange(m)] = problem.birth
    matrix[n + problem.target, m + problem.source] = 0  # the transposed block
    rows, columns = linear_sum_assignment(matrix)
    return float(matrix[rows, columns].sum())


def random_problem(seed: int, n: int, m: int, density: float) -> Problem:
    rng = np.random.default_rng(seed)
    source, target = np.nonzero(rng.random((n, m)) < density)
    return Problem(
        source,
        target,
        cost=rng.uniform(-0.5, 3, len(source)),
        death=rng.uniform(0, 1, n),
        birth=rng.uniform(0.5, 2, m),
    )


@given(seed=st.integers(0, 2**32), n=st.integers(0, 12), m=st.integers(0, 9), density=st.floats(0, 1))
def test_costs_as_much_as_the_best_of_the_whole_matrix(seed: int, n: int, m: int, density: float) -> None:
    problem = random_problem(seed, n, m, density)
    chosen = problem.assigned()
    assert len(np.unique(problem.source[chosen])) == len(chosen) == len(np.unique(problem.target[chosen]))
    assert problem.total(chosen) == pytest.approx(jaqaman_total(problem))


@given(seed=st.integers(0, 2**32))
def test_batches_of_components_do_not_change_what_is_chosen(seed: int) -> None:
    problem = random_problem(seed, 80, 70, 0.02)
    whole = problem.assigned()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "BATCH", 3)
        np.testing.assert_array_equal(problem.assigned(), whole)


def test_many_cells_in_one_component_are_as_cheap_as_by_the_dense_solver() -> None:
    rng = np.random.default_rng(3)
    n = 400
    source = np.repeat(np.arange(n), 5)
    target = (source + np.tile(np.arange(5), n)) % n  # a ring: all are connected
    problem = Problem(
        source, target, rng.uniform(0, 2, len(source)), rng.uniform(0, 1, n), rng.uniform(0, 2, n)
    )
    assert problem.total(problem.assigned()) == pytest.approx(jaqaman_total(problem))


# 0 ─1.0─ 0     death of 0: 0.2, of 1: 5     birth of 0: 0.9, of 1: 0.1
# 1 ─4.0─ 1     swapped, the deaths and births would have the other pair chosen
def test_deaths_belong_to_sources_and_births_to_targets() -> None:
    death, birth = np.array([0.2, 5.0]), np.array([0.7, 0.1])
    chosen = assign(np.array([0, 1]), np.array([0, 1]), np.array([1.0, 4.0]), death=death, birth=birth)
    assert chosen.tolist() == [1]


def test_a_pair_that_costs_as_much_as_death_and_birth_is_not_chosen() -> None:
    nobody = assign(np.array([0]), np.array([0]), np.array([1.5]), death=0.5, birth=1.0)
    assert nobody.tolist() == []


def test_one_number_stands_for_all_cells() -> None:
    source, target, cost = np.array([7, 7, 9]), np.array([3, 4, 4]), np.array([0.1, 0.2, 0.9])
    assert assign(source, target, cost, death=0.3, birth=0.4).tolist() == [0]
    assert assign(source, target, cost, death=0.3, birth=0.7).tolist() == [0, 2]
    assert assign(source, target, cost, death=1, birth=0).tolist() == [0, 2]


def test_no_pairs() -> None:
    none = np.zeros(0, np.int64)
    assert assign(none, none, np.zeros(0), death=1.0, birth=1.0).tolist() == []
