import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.tracking_graph import FloatArray, IntArray
from tracker.arcs import NO_EDGE, Arcs, Edges, arcs
from tracker.candidates import Candidates
from tracker.cells import Cells
from tracker.config import TrackerConfig
from tracker.costs import Costs
from tracker.lineage import NOBODY
from tracker.partial import PartialTracking
from tracker.trellis import best_paths, solve
from tracker.viterbi import add_tracks

CONFIG = TrackerConfig(birth_cost=0.6, death_cost=0.8, max_missed_frames=0)


def costs_of(frame: IntArray) -> Costs:
    """Cells so far apart that none is another's daughter."""
    apart = np.stack([np.arange(len(frame)) * 1e4, np.zeros(len(frame))], axis=1)
    return Costs(Cells(np.arange(len(frame)), frame, apart, np.ones(len(frame))), 1.0, CONFIG)


def edges_of(links: dict[tuple[int, int], float]) -> Edges:
    """Edges by their two cells, with what each costs; too far apart for a jump."""
    source, target = np.array(list(links), np.int64).reshape(-1, 2).T
    pairs = Candidates(source, target, np.full(len(links), 1e4), np.zeros(len(links)))
    cost = np.array(list(links.values()))
    return Edges(pairs, cost, cost < CONFIG.birth_cost + CONFIG.death_cost, len(pairs))


def links_of(tracking: PartialTracking) -> set[tuple[int, int]]:
    later = np.flatnonzero(tracking.parent != NOBODY)
    return set(zip(tracking.parent[later].tolist(), later.tolist(), strict=True))


def random_links(seed: int, frame: IntArray) -> dict[tuple[int, int], float]:
    rng = np.random.default_rng(seed)
    following = np.argwhere(frame[None] - frame[:, None] == 1)
    return {(int(a), int(b)): float(rng.uniform(0, 1.6)) for a, b in following if rng.random() < 0.6}


def best_of_all_paths(links: dict[tuple[int, int], float], count: int) -> float:
    """What the best path gains, by trying every one; cells are numbered forward in time."""
    birth, death = CONFIG.birth_cost, CONFIG.death_cost
    best = [-birth + (birth + death)] * count
    for (a, b), cost in sorted(links.items()):
        if cost < birth + death:
            best[b] = max(best[b], best[a] - cost + birth + death)
    return max(best) - death


@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 4), min_size=2, max_size=5))
def test_the_first_path_is_the_best_of_all(seed: int, sizes: list[int]) -> None:
    frame = np.repeat(np.arange(len(sizes)), sizes)
    links = random_links(seed, frame) or {(0, sizes[0]): 0.4}
    costs = costs_of(frame)
    known = arcs(PartialTracking.empty(len(frame)), edges_of(links), costs, mitosis=True)
    trellis = solve(known, frame, CONFIG.birth_cost + CONFIG.death_cost)
    ends = np.flatnonzero(trellis.arcs.head == NOBODY)
    gain = (trellis.arcs.gain + trellis.value[trellis.arcs.tail])[ends]
    assert gain.max() == pytest.approx(best_of_all_paths(links, len(frame)))


@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 5), min_size=2, max_size=5))
def test_paths_found_together_lead_from_cell_to_cell_and_share_none(seed: int, sizes: list[int]) -> None:
    frame = np.repeat(np.arange(len(sizes)), sizes)
    links = random_links(seed, frame) or {(0, sizes[0]): 0.4}
    known = arcs(PartialTracking.empty(len(frame)), edges_of(links), costs_of(frame), mitosis=True)
    trellis = solve(known, frame, CONFIG.birth_cost + CONFIG.death_cost)
    chosen = trellis.arcs.where(best_paths(trellis))
    heads = chosen.head[chosen.head != NOBODY]
    assert len(np.unique(heads)) == len(heads)
    assert sorted(heads) == sorted(chosen.tail[chosen.tail != NOBODY])
    assert np.count_nonzero(chosen.tail == NOBODY) == np.count_nonzero(chosen.head == NOBODY)


# 0 ─.1─ 2     the first path is 0-2; then 1 takes 2 over, and 0 goes on as 3: .2 + .3 − .1 instead of 1.2
#  ╲.3 ╱.2
#   ╲ ╱
# 1 ─1.2─ 3
def test_a_path_takes_over_the_future_of_another() -> None:
    edges = edges_of({(0, 2): 0.1, (0, 3): 0.3, (1, 2): 0.2, (1, 3): 1.2})
    assert links_of(add_tracks(edges, costs_of(np.array([0, 0, 1, 1])))) == {(0, 3), (1, 2)}


# 0 ─.5─ 1 ─.1─ 3      the first path is 0-1-3; then 2 is what 0 goes on as, and 1 begins: .6 + .1 − .5
# ╰─.1─ 2
def test_a_track_begins_later_where_that_costs_less() -> None:
    edges = edges_of({(0, 1): 0.5, (0, 2): 0.1, (1, 3): 0.1})
    assert links_of(add_tracks(edges, costs_of(np.array([0, 1, 1, 2])))) == {(0, 2), (1, 3)}


# 0 ─.9─ 1 ─.1─ 3      the first path is 0-1-3; then 2 takes 3 over for less, and the track ends with 1
#        2 ─.05─╯
def test_a_path_ends_another_where_that_costs_less() -> None:
    edges = edges_of({(0, 1): 0.9, (1, 3): 0.1, (2, 3): 0.05})
    assert links_of(add_tracks(edges, costs_of(np.array([0, 1, 1, 2])))) == {(0, 1), (2, 3)}


@settings(deadline=None)  # many passes
@given(seed=st.integers(0, 2**32), n=st.integers(1, 6), m=st.integers(1, 6))
def test_the_cost_is_what_the_links_save(seed: int, n: int, m: int) -> None:
    frame = np.repeat([0, 1, 2], [n, m, n])
    edges, costs = edges_of(random_links(seed, frame) or {(0, n): 0.4}), costs_of(frame)
    tracking = add_tracks(edges, costs)
    ends = zip(edges.pairs.source.tolist(), edges.pairs.target.tolist(), strict=True)
    cost = dict(zip(ends, edges.cost.tolist(), strict=True))
    links = links_of(tracking)
    saved = sum(CONFIG.birth_cost + CONFIG.death_cost - cost[link] for link in links)
    assert -tracking.cost(birth=CONFIG.birth_cost, death=CONFIG.death_cost) == pytest.approx(saved)
    assert len({a for a, _ in links}) == len({b for _, b in links}) == len(links)


def test_arcs_of_one_number_stand_for_all() -> None:
    two: FloatArray = np.array([-0.5, -0.25])
    made = Arcs.of(two, head=np.array([4, 7]))
    assert made.tail.tolist() == [NOBODY, NOBODY]
    assert made.into_head.tolist() == [NO_EDGE, NO_EDGE]
    assert made.where(np.array([1])).head.tolist() == [7]
