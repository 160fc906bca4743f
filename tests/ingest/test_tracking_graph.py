"""The columns of a tracking, against plain loops over its drawing."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.tracking_graph import Detections, LinkKind, TrackingGraph, Tracks
from tests import lineages
from tests.lineages import Drawing
from tests.strategies import lineages as random_lineages


def naive_runs(graph: TrackingGraph, within: Callable[[int], bool]) -> list[list[int]]:
    """Rows of each run of the links whose kind is `within`, by walking from its first detection."""
    follows = {int(a): int(b) for (a, b), kind in zip(graph.links, graph.kind, strict=True) if within(kind)}
    starts = set(range(len(graph.detections))) - set(follows.values())
    runs = []
    for row in sorted(starts):
        run = [row]
        while run[-1] in follows:
            run.append(follows[run[-1]])
        runs.append(run)
    return runs


def check_runs(graph: TrackingGraph, tracks: Tracks, runs: list[list[int]]) -> None:
    assert [list(np.flatnonzero(tracks.of_detection == track)) for track in range(len(tracks))] == runs
    frame = graph.detections.frame
    assert list(tracks.first) == [run[0] for run in runs]
    assert list(tracks.last) == [run[-1] for run in runs]
    assert list(tracks.begin) == [frame[run[0]] for run in runs]
    assert list(tracks.end) == [frame[run[-1]] for run in runs]


@given(random_lineages())
def test_tracks_and_tracklets_partition_the_detections(drawing: Drawing) -> None:
    graph = drawing.graph
    check_runs(graph, graph.tracks, naive_runs(graph, lambda kind: kind != LinkKind.DIVISION))
    check_runs(graph, graph.tracklets, naive_runs(graph, lambda kind: kind == LinkKind.NEXT))


@given(random_lineages())
def test_tracklets_are_the_cells_that_were_drawn(drawing: Drawing) -> None:
    tracklets, label = drawing.graph.tracklets, drawing.graph.detections.label
    own = [int(row) for row in label[tracklets.first]]
    parent = [own[row] if row >= 0 else 0 for row in tracklets.parent]
    found = zip(own, tracklets.begin, tracklets.end, parent, strict=True)
    assert set(found) == {(c.label, c.begin, c.end, c.parent) for c in drawing.cells}
    order = list(zip(tracklets.begin, own, strict=True))
    assert order == sorted(order)


@given(random_lineages())
def test_founder_and_generation_are_those_of_walking_up(drawing: Drawing) -> None:
    for tracks in (drawing.graph.tracks, drawing.graph.tracklets):
        for track in range(len(tracks)):
            ancestor, generation = track, 0
            while tracks.parent[ancestor] >= 0:
                ancestor, generation = int(tracks.parent[ancestor]), generation + 1
            assert (tracks.founder[track], tracks.generation[track]) == (ancestor, generation)


@given(random_lineages())
def test_divisions_are_the_cells_with_two_children_or_more(drawing: Drawing) -> None:
    graph = drawing.graph
    children = Counter(cell.parent for cell in drawing.cells if cell.parent)
    mothers = {label for label, count in children.items() if count >= 2}
    assert {int(graph.detections.label[graph.tracks.last[row]]) for row in graph.divisions} == mothers


@given(random_lineages(), st.data())
def test_a_division_is_as_sure_as_the_least_sure_of_its_links(drawing: Drawing, data: st.DataObject) -> None:
    plain, count = drawing.graph, len(drawing.graph.links)
    values = data.draw(st.lists(st.floats(0, 1) | st.just(np.nan), min_size=count, max_size=count))
    graph = replace(plain, probability=np.array(values, np.float64))
    of_link = dict(zip(plain.links[:, 1].tolist(), values, strict=True))
    nothing = np.nan
    np.testing.assert_array_equal(
        graph.link_probability, [of_link.get(row, nothing) for row in range(len(plain.detections))]
    )
    known: dict[int, list[float]] = {mother: [] for mother in plain.divisions.tolist()}
    for (earlier, later), kind in zip(plain.links.tolist(), plain.kind.tolist(), strict=True):
        mother = int(plain.tracks.of_detection[earlier])
        if kind == LinkKind.DIVISION and mother in known and not np.isnan(of_link[later]):
            known[mother].append(of_link[later])
    np.testing.assert_array_equal(
        graph.division_probability, [min(each, default=nothing) for each in known.values()]
    )
    assert np.isnan(plain.link_probability).all()
    assert np.isnan(plain.division_probability).all()


@given(random_lineages())
def test_parents_are_the_starts_of_the_links(drawing: Drawing) -> None:
    graph = drawing.graph
    parent_of = {int(later): int(earlier) for earlier, later in graph.links}
    assert list(graph.parents) == [parent_of.get(row, -1) for row in range(len(graph.detections))]


@given(random_lineages(), st.integers(0, 8), st.integers(0, 400))
def test_rows_finds_each_detection_and_nothing_else(drawing: Drawing, frame: int, label: int) -> None:
    detections = drawing.graph.detections
    keys = list(zip(detections.frame, detections.label, strict=True))
    assert list(detections.rows(detections.frame, detections.label)) == list(range(len(keys)))
    assert detections.rows(frame, label) == (keys.index((frame, label)) if (frame, label) in keys else -1)
    assert list(range(len(keys)))[detections.frame_slice(frame)] == [
        row for row, key in enumerate(keys) if key[0] == frame
    ]


def test_a_track_goes_on_through_a_gap_and_a_tracklet_does_not() -> None:
    graph = lineages.gap().graph
    assert list(graph.detections.label[graph.tracks.first]) == [1, 3]
    assert list(graph.detections.label[graph.tracklets.first]) == [1, 3, 2]
    assert list(graph.tracks.end) == [4, 4]
    assert list(graph.tracklets.parent) == [-1, -1, 0]


def test_generations_of_a_drawn_tree() -> None:
    tracks = lineages.generations().graph.tracks
    assert list(tracks.parent) == [-1, 0, 0, -1, 1, 1]
    assert list(tracks.generation) == [0, 1, 1, 0, 2, 2]
    assert list(tracks.founder) == [0, 0, 0, 3, 0, 0]


def test_a_thousand_generations() -> None:
    frame = np.arange(1001)
    detections = Detections(frame, np.ones(1001, np.int64), np.zeros(1001), np.zeros(1001))
    links = np.stack([frame[:-1], frame[1:]], axis=1)
    tracks = TrackingGraph(detections, links, np.full(1000, LinkKind.DIVISION, np.uint8)).tracks
    assert tracks.generation[-1] == 1000
    assert not tracks.founder.any()


def test_no_cells_are_no_tracks() -> None:
    graph = lineages.no_cells().graph
    assert len(graph.tracks) == len(graph.tracklets) == len(graph.divisions) == len(graph.parents) == 0
    assert len(graph.tracks.founder) == len(graph.tracks.generation) == 0
    assert graph.detections.rows(0, 1) == -1
    assert graph.detections.frame_slice(0) == slice(0, 0)
