"""What a tracker is least sure of comes first, page after page; each answer against what NumPy finds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.certainty import DivisionFilter, DivisionOrder, LinkFilter, division_key, link_key
from graph.measured import Key
from graph.records import LinkRecord, TrackingRecord, TrackRecord
from graph.store import LineageStore
from ingest.errors import InputError
from ingest.tracking_graph import LinkKind, TrackingGraph
from tests import lineages
from tests.graph.stored import assert_equal, put, with_probability
from tests.lineages import Drawing
from tests.strategies import lineages as random_lineages

pytestmark = pytest.mark.neo4j

UNSURE = {(1, 2): 0.95, (1, 3): 0.85, (2, 2): 0.3, (4, 4): 0.4, (4, 5): 1 / 3, (5, 7): 0.85, (7, 3): 0.2}
"""(frame, label) of `generations` → probability of the link to it; all others are sure."""


def generations(unsure: dict[tuple[int, int], float] | None = None) -> TrackingGraph:
    graph = lineages.generations().graph
    later = graph.links[:, 1]
    places = zip(graph.detections.frame[later].tolist(), graph.detections.label[later].tolist(), strict=True)
    return with_probability(
        graph, [(UNSURE if unsure is None else unsure).get(place, 1.0) for place in places]
    )


@pytest.fixture
def tracking(store: LineageStore) -> TrackingRecord:
    """The lineage of five cells and one beside it, among others that are not asked for."""
    drawn = lineages.generations()
    put(store, drawn, generations({(1, 2): 0.01}), author="before")
    record = put(store, drawn, generations())
    put(store, drawn, generations({(1, 2): 0.01}), author="after")
    return record


def mothers(store: LineageStore, tracking: TrackingRecord, order: DivisionOrder, **wanted: Any) -> Any:
    found = store.divisions(tracking.id, DivisionFilter(**wanted), order=order)
    return [(mother.label, mother.end, mother.division_probability) for mother in found]


def test_the_least_certain_division_comes_first(store: LineageStore, tracking: TrackingRecord) -> None:
    first, second = (1, 0, 0.85), (2, 3, 1 / 3)
    assert mothers(store, tracking, DivisionOrder.FRAME) == [first, second]
    assert mothers(store, tracking, DivisionOrder.PROBABILITY) == [second, first]
    for order in DivisionOrder:
        assert mothers(store, tracking, order, max_probability=0.85) in ([first, second], [second, first])
        assert mothers(store, tracking, order, max_probability=0.849) == [second]
        assert mothers(store, tracking, order, max_probability=0.0) == []
        assert mothers(store, tracking, order, frames=(0, 2)) == [first]
        assert mothers(store, tracking, order, frames=(3, 3)) == [second]
        assert mothers(store, tracking, order, frames=(1, 2)) == []
        assert mothers(store, tracking, order, frames=(0, 2), max_probability=0.5) == []


def test_a_mother_knows_her_daughters_and_her_division_wherever_she_is_read(
    store: LineageStore, tracking: TrackingRecord
) -> None:
    for mother in store.divisions(tracking.id):
        assert store.tracks(tracking.id, label=mother.label) == [mother]
        assert store.tracks_by_id([mother.id]) == {mother.id: mother}
        (lineage,) = store.lineages([mother.id])
        assert mother in lineage.tracks
    assert [t.label for t in store.tracks(tracking.id) if t.division_probability is not None] == [1, 2]


def test_the_least_certain_link_comes_first_with_both_cells_and_their_tracks(
    store: LineageStore, tracking: TrackingRecord
) -> None:
    label = {track.id: track.label for track in store.tracks(tracking.id)}

    def shown(link: LinkRecord) -> Any:
        ends = [(place.frame, place.label, label[place.track]) for place in (link.earlier, link.later)]
        return link.kind.name, link.probability, *ends

    assert [shown(link) for link in store.links(tracking.id, first=5)] == [
        ("NEXT", 0.2, (6, 3, 3), (7, 3, 3)),
        ("NEXT", 0.3, (1, 2, 2), (2, 2, 2)),
        ("DIVISION", 1 / 3, (3, 2, 2), (4, 5, 5)),
        ("DIVISION", 0.4, (3, 2, 2), (4, 4, 4)),
        ("DIVISION", 0.85, (0, 1, 1), (1, 3, 3)),
    ]
    (least,) = store.links(tracking.id, first=1)
    cells = generations().detections
    row = least.later.id - tracking.first_id
    assert (least.later.y, least.later.x) == (cells.y[row], cells.x[row])
    assert len(store.links(tracking.id)) == tracking.links


def test_links_of_some_kinds_and_up_to_a_probability(store: LineageStore, tracking: TrackingRecord) -> None:
    def probabilities(*kinds: LinkKind, **wanted: Any) -> Any:
        found = store.links(tracking.id, LinkFilter(kinds or None, **wanted))
        return [link.probability for link in found]

    assert probabilities(LinkKind.DIVISION) == [1 / 3, 0.4, 0.85, 0.95]
    assert probabilities(LinkKind.NEXT, max_probability=0.9) == [0.2, 0.3, 0.85]
    assert probabilities(LinkKind.NEXT, LinkKind.DIVISION, max_probability=0.3) == [0.2, 0.3]
    assert probabilities(LinkKind.GAP) == []
    assert probabilities(LinkKind.DIVISION, frames=(3, 4)) == [1 / 3, 0.4]
    assert probabilities(LinkKind.DIVISION, frames=(4, 4)) == probabilities(frames=(3, 3)) == []
    within = [link for link in store.links(tracking.id) if link.earlier.frame >= 1 and link.later.frame <= 3]
    assert store.links(tracking.id, LinkFilter(frames=(1, 3))) == within != []
    assert store.links(tracking.id, LinkFilter(kinds=())) == []


@pytest.mark.parametrize("wrong", [-0.1, 1.01, 90.0, float("nan")])
def test_a_probability_that_is_none_is_refused(wrong: float) -> None:
    for kind in (DivisionFilter, LinkFilter):
        with pytest.raises(InputError, match="from 0 to 1"):
            kind(max_probability=wrong)


@pytest.mark.parametrize("drawing", [lineages.generations, lineages.division_into_three, lineages.gap])
def test_without_probabilities_all_is_there_and_nothing_is_said(store: LineageStore, drawing: Any) -> None:
    drawn = drawing()
    record = put(store, drawn)
    for order in DivisionOrder:
        found = store.divisions(record.id, order=order)
        assert sorted(mother.id - record.first_id for mother in found) == drawn.graph.divisions.tolist()
        assert {mother.division_probability for mother in found} <= {None}
        assert store.divisions(record.id, DivisionFilter(max_probability=1.0), order=order) == []
    links = store.links(record.id)
    assert [link.later.id - record.first_id for link in links] == drawn.graph.links[:, 1].tolist()
    assert [link.kind for link in links] == drawn.graph.kind.tolist()
    assert {link.probability for link in links} == {None}
    assert store.links(record.id, LinkFilter(max_probability=1.0)) == []


def test_probabilities_come_back_to_the_last_digit(store: LineageStore) -> None:
    drawn = lineages.division()
    values = [1 / 3, 0.0, 5e-324, np.nextafter(1, 0), 1.0, np.nan, 0.1 + 0.2]
    graph = with_probability(drawn.graph, values)
    record = put(store, drawn, graph)
    assert_equal(store.tracking_graph(record.id), graph)
    found = [link.probability for link in store.links(record.id)]
    assert found == [0.0, 5e-324, 0.1 + 0.2, 1 / 3, np.nextafter(1, 0), 1.0, None]


def all_pages(read: Any, key: Any) -> list[Any]:
    """Everything, two at a time."""
    found: list[Any] = []
    after: Key | None = None
    while page := read(after=after, first=2):
        assert len(page) <= 2
        found += page
        after = key(page[-1])
    return found


@st.composite
def weighted(draw: st.DrawFn) -> tuple[Drawing, TrackingGraph]:
    """A lineage and its graph with probabilities: many of them equal, some unknown."""
    drawing = draw(random_lineages())
    values = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0, np.nan])
    count = len(drawing.graph.links)
    return drawing, with_probability(drawing.graph, draw(st.lists(values, min_size=count, max_size=count)))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(weighted())
def test_pages_hold_everything_once_and_in_order(
    store: LineageStore, made: tuple[Drawing, TrackingGraph]
) -> None:
    drawing, graph = made
    # Probabilities do not make another tracking, so a name must: an example may differ in them alone.
    record = put(store, drawing, graph, author=repr(graph.link_probability.tolist()))
    last = np.where(np.isnan(graph.division_probability), np.inf, graph.division_probability)
    orders = {DivisionOrder.FRAME: graph.tracks.end[graph.divisions], DivisionOrder.PROBABILITY: last}
    for order, key in orders.items():

        def read(order: DivisionOrder = order, **page: Any) -> list[TrackRecord]:
            return store.divisions(record.id, order=order, **page)

        found = all_pages(read, lambda mother, order=order: division_key(mother, order))
        expected = graph.divisions[np.argsort(key, kind="stable")]
        assert [mother.id - record.first_id for mother in found] == expected.tolist()

    links = all_pages(lambda **page: store.links(record.id, **page), link_key)
    probability = graph.link_probability[graph.links[:, 1]]
    key = np.where(np.isnan(probability), np.inf, probability)
    expected = graph.links[np.argsort(key, kind="stable")]
    found = [(link.earlier.id - record.first_id, link.later.id - record.first_id) for link in links]
    assert found == [tuple(ends) for ends in expected.tolist()]
    tracks = graph.tracks.of_detection[expected]
    assert [(link.earlier.track, link.later.track) for link in links] == [
        tuple(ends) for ends in (tracks + record.first_id).tolist()
    ]


def test_what_is_written_meanwhile_shifts_no_page(store: LineageStore, tracking: TrackingRecord) -> None:
    first = store.links(tracking.id, first=3)
    put(store, lineages.generations(), generations({(1, 2): 0.0, (1, 3): 0.5}), author="meanwhile")
    second = store.links(tracking.id, first=3, after=link_key(first[-1]))
    assert [link.probability for link in first + second] == [0.2, 0.3, 1 / 3, 0.4, 0.85, 0.85]
    assert len({link.later.id for link in first + second}) == 6
