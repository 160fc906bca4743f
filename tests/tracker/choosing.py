"""Random choices between a few cells, what is allowed, and the best of them by trying all."""

from collections.abc import Container
from itertools import combinations

import numpy as np
from hypothesis import strategies as st

from ingest.tracking_graph import IntArray
from tracker.joint import Choices

Decision = tuple[IntArray, IntArray, IntArray]
CELLS = 7


@st.composite
def choices(draw: st.DrawFn) -> Choices:
    """Up to twelve links, divisions and third daughters of seven cells; many of them gain equally."""
    pairs, triples = list(combinations(range(CELLS), 2)), list(combinations(range(CELLS), 3))
    eighths = st.integers(-8, 24).map(lambda n: n / 8)  # sums of them are exact
    link = draw(st.dictionaries(st.sampled_from(pairs), eighths, max_size=5))
    division = draw(st.dictionaries(st.sampled_from(triples), eighths, max_size=4))
    another = draw(st.dictionaries(st.sampled_from(pairs), eighths, max_size=3))
    unsure = draw(st.sets(st.sampled_from(pairs)))
    return chosen_from(link, division, another, unsure=unsure, caution=draw(st.sampled_from([0.5, 2.0])))


def chosen_from(
    link: dict[tuple[int, int], float],
    division: dict[tuple[int, int, int], float],
    another: dict[tuple[int, int], float],
    count: int = CELLS,
    unsure: Container[tuple[int, int]] = (),
    caution: float = 100.0,
) -> Choices:
    """Choices with the gain of each; links between `unsure` cells are surely worth less by `caution`."""
    return Choices(
        count,
        np.array([*link], np.int64).reshape(-1, 2),
        np.array([*link.values()], np.float64),
        np.array([gain - caution * (cells in unsure) for cells, gain in link.items()], np.float64),
        np.array([*division], np.int64).reshape(-1, 3),
        np.array([*division.values()], np.float64),
        np.array([*another], np.int64).reshape(-1, 2),
        np.array([*another.values()], np.float64),
    )


def named(choices: Choices, decision: Decision) -> set[tuple[int, ...]]:
    """The chosen links and divisions, and third daughters, by their cells."""
    links, divisions, others = decision
    found = {tuple(row) for row in [*choices.link[links].tolist(), *choices.division[divisions].tolist()]}
    return found | {(*row, -1) for row in choices.another[others].tolist()}


def total(choices: Choices, decision: Decision) -> float:
    """What a decision gains."""
    links, divisions, others = decision
    gains = choices.link_gain[links], choices.division_gain[divisions], choices.another_gain[others]
    return float(sum(gain.sum() for gain in gains))


def check_allowed(choices: Choices, decision: Decision) -> None:
    """One origin, one fate; a third daughter only of who divides; rows ascend; nothing that loses."""
    links, divisions, others = decision
    for rows in decision:
        assert np.all(np.diff(rows) > 0)
    mothers = choices.division[divisions, 0]
    fates = np.concatenate([choices.link[links, 0], mothers])
    origins = np.concatenate(
        [choices.link[links, 1], choices.division[divisions, 1:].ravel(), choices.another[others, 1]]
    )
    assert len(np.unique(fates)) == len(fates)
    assert len(np.unique(origins)) == len(origins)
    of_three = choices.another[others, 0]
    assert np.isin(of_three, mothers).all()
    assert len(np.unique(of_three)) == len(of_three)
    assert min(choices.link_gain[links], default=1) > 0
    assert min(choices.division_gain[divisions], default=1) > 0
    assert min(choices.another_gain[others], default=1) > 0


def most(choices: Choices) -> float:
    """The most that can be gained, by trying all that is allowed of what gains anything."""
    steps = [
        *(
            (gain, {("fate", a), ("origin", b)}, None)
            for (a, b), gain in _worth(choices.link, choices.link_gain)
        ),
        *(
            (gain, {("fate", m), ("origin", d), ("origin", e), ("divides", m)}, None)
            for (m, d, e), gain in _worth(choices.division, choices.division_gain)
        ),
        *(
            (gain, {("origin", d), ("third", m)}, ("divides", m))
            for (m, d), gain in _worth(choices.another, choices.another_gain)
        ),
    ]

    def rest(k: int, taken: frozenset[tuple[str, int]]) -> float:
        if k == len(steps):
            return 0.0
        gain, takes, needs = steps[k]
        without = rest(k + 1, taken)
        if takes & taken or not (needs is None or needs in taken):
            return without
        return max(without, gain + rest(k + 1, taken | takes))

    return rest(0, frozenset())


def _worth(cells: IntArray, gain: np.ndarray) -> list[tuple[list[int], float]]:
    return [(row, g) for row, g in zip(cells.tolist(), gain.tolist(), strict=True) if g > 0]
