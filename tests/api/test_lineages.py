"""GraphQL on lineages: flat, as trees, and as the challenge's own file has them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from graph.records import TrackingKind, TrackingRecord
from graph.store import LineageStore
from ingest.formats.ctc import read_tracking
from ingest.movie import Movie
from tests import lineages
from tests.api.service import Service, put
from tests.lineages import Drawing

pytestmark = pytest.mark.neo4j


def test_a_lineage_comes_as_a_flat_list_with_parents(service: Service, tracking: TrackingRecord) -> None:
    query = """query($t: ID!) { lineage(track: $t) {
      founder { label } tracks { id label parentId founderId begin end generation }
      divisions { frame mother { label } daughters { label } } } }"""
    found = service.data(query, t=service.track_id(tracking, 5))["lineage"]
    label = {track["id"]: track["label"] for track in found["tracks"]}
    rows = [
        (t["label"], label.get(t["parentId"]), label[t["founderId"]], t["begin"], t["end"], t["generation"])
        for t in found["tracks"]
    ]
    assert sorted(rows) == [
        (1, None, 1, 0, 0, 0),
        (2, 1, 1, 1, 3, 1),
        (3, 1, 1, 1, 7, 1),
        (4, 2, 1, 4, 7, 2),
        (5, 2, 1, 4, 6, 2),
    ]
    assert found["founder"] == {"label": 1}
    assert found["divisions"] == [
        {"frame": 0, "mother": {"label": 1}, "daughters": [{"label": 2}, {"label": 3}]},
        {"frame": 3, "mother": {"label": 2}, "daughters": [{"label": 4}, {"label": 5}]},
    ]


TREE = "label daughters { label daughters { label daughters { label } } }"


def test_a_lineage_comes_as_a_tree(service: Service, tracking: TrackingRecord) -> None:
    def node(label: int, *daughters: object) -> dict[str, object]:
        return {"label": label, "daughters": list(daughters)}

    tree = node(1, node(2, node(4), node(5)), node(3))
    founder = service.track_id(tracking, 1)
    query = f"query($t: ID!) {{ lineage(track: $t) {{ founder {{ {TREE} }} }} track(id: $t) {{ {TREE} }} }}"
    assert service.data(query, t=founder) == {"lineage": {"founder": tree}, "track": tree}


def test_a_tree_is_climbed_to_its_top(service: Service, tracking: TrackingRecord) -> None:
    query = """query($t: ID!) { track(id: $t) {
      parent { label parent { label parent { label } } } tracking { id movie { name } } } }"""
    assert service.data(query, t=service.track_id(tracking, 4))["track"] == {
        "parent": {"label": 2, "parent": {"label": 1, "parent": None}},
        "tracking": {"id": tracking.id, "movie": {"name": "drawn"}},
    }


@pytest.mark.parametrize(
    ("drawing", "divisions"),
    [
        (lineages.division_into_three, [(1, [2, 3, 4])]),
        (lineages.one_daughter_seen, []),
        (lineages.gap, []),
    ],
)
def test_a_division_has_all_its_daughters_and_at_least_two(
    store: LineageStore,
    service: Service,
    drawing: Callable[[], Drawing],
    divisions: list[tuple[int, list[int]]],
) -> None:
    mother = service.track_id(put(store, drawing()), 1)
    query = """query($t: ID!) {
        lineage(track: $t) { divisions { ...end } }
        track(id: $t) { division { ...end } }
      }
      fragment end on Division { frame daughters { label } }"""
    found = service.data(query, t=mother)
    shown = [(d["frame"], sorted(x["label"] for x in d["daughters"])) for d in found["lineage"]["divisions"]]
    assert shown == divisions
    assert found["track"]["division"] == (found["lineage"]["divisions"] or [None])[0]


@pytest.mark.data
def test_a_real_lineage_is_the_one_in_man_track(
    store: LineageStore, service: Service, data_folder: Path
) -> None:
    folder = data_folder / "ctc/Fluo-N2DL-HeLa/01_GT"
    sequence = read_tracking(folder)
    frames, height, width = sequence.labels.shape
    movie = store.add_movie(Movie.from_array(np.zeros((frames, height, width), np.uint8), name="HeLa 01"))
    tracking = store.write_tracking(
        movie.id,
        sequence.graph,
        None,
        kind=TrackingKind.GROUND_TRUTH,
        author="Cell Tracking Challenge",
        version="",
        parameters={},
    )
    query = """query($t: ID!) { tracking(id: $t) { tracks(first: 100, founders: true) { nodes {
      lineage { tracks { id label parentId begin end } } } } } }"""
    founders = service.data(query, t=tracking.id)["tracking"]["tracks"]["nodes"]
    tracks = [track for founder in founders for track in founder["lineage"]["tracks"]]
    label = {track["id"]: track["label"] for track in tracks} | {None: 0}
    found = sorted([t["label"], t["begin"], t["end"], label[t["parentId"]]] for t in tracks)
    assert found == sorted(np.loadtxt(folder / "TRA/man_track.txt", dtype=int).tolist())
