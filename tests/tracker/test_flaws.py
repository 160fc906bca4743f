"""The flaws of a segmentation are noticed, and true cells are not taken for such."""

import pytest

from ingest.simulate import SimulationSettings, simulate
from tests.tracker.drafted import Named, scene_of
from tests.tracker.networks import to_learn_from
from tests.tracker.painting import Frame, crowd, painted
from tracker.dataset import TrainingMovie, Variation, vary
from tracker.flaws import has_flaws
from tracker.lineage import NOBODY

STILL = crowd(20, seed=5)
MOTHER: Frame = {"m": (60.0, 90.0, 9.0)}
DAUGHTERS: Frame = {"d": (60.0, 82.0, 6.4), "e": (60.0, 98.0, 6.4)}


@pytest.fixture(scope="module")
def many() -> TrainingMovie:
    """Some five hundred cells."""
    return to_learn_from(simulate(SimulationSettings(frames=20), seed=3))


@pytest.mark.parametrize(
    "way",
    [Variation(0, 20), Variation(0, 20, 2), Variation(0, 20, missed=0.1), Variation(0, 20, markers=0.5)],
)
def test_true_cells_have_no_flaws(many: TrainingMovie, way: Variation) -> None:
    """Nor are fewer frames, missed cells and markers any."""
    assert not has_flaws(scene_of(vary(many, way)[0]))


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_flaws_of_a_segmentation_are_noticed(many: TrainingMovie, share: float) -> None:
    assert has_flaws(scene_of(vary(many, Variation(0, 20, flaws=share))[0]))


@pytest.mark.parametrize(
    ("things", "frame", "place", "is_flawed"),
    [
        (1, 1, (60, 90), False),
        (2, 1, (60, 90), True),
        (2, 0, (60, 90), False),
        (2, 2, (60, 90), False),
        (2, 1, (5, 90), False),  # nearer to the edge than half a cell, of which the median is 12 pixels wide
        (2, 1, (7, 90), True),
    ],
)
def test_things_that_come_and_go_within_the_movie_are_flaws(
    things: int, frame: int, place: tuple[float, float], is_flawed: bool
) -> None:
    """One alone says nothing; nor do those of its first and last frame, and at the edge."""
    y, x = place
    alone: Frame = {f"thing {k}": (y, x + 24.0 * k, 4.0) for k in range(things)}
    frames: list[Frame] = [{"C": (100.0, 30.0, 6.0), "D": (100.0, 80.0, 6.0)}] * 3
    frames[frame] = {**frames[frame], **alone}
    assert has_flaws(scene_of(painted(frames).labels)) == is_flawed


def test_cells_between_frames_without_any_are_no_flaws() -> None:
    """Where only some frames are labelled, nothing can go on."""
    assert not has_flaws(scene_of(painted([STILL, {}, STILL, {}, {}, {}, STILL, {}, STILL]).labels))


def test_daughters_that_end_at_once_are_flaws() -> None:
    """As pieces of cells do, that the draft takes for daughters."""
    frames: list[Frame] = [{**MOTHER, "p": (20.0, 30.0, 9.0)}] * 2
    frames += [{**DAUGHTERS, "q": (20.0, 22.0, 6.4), "r": (20.0, 38.0, 6.4)}, {"d": DAUGHTERS["d"]}]
    named = Named(painted(frames))
    scene, name = named.scene, named.names(named.scene)
    ended = [name.index("2e"), name.index("2r")]
    assert (scene.draft.lineage.parent[ended] != NOBODY).all()
    assert not scene.draft.has_parent[ended].any()
    assert has_flaws(scene)


def couples(
    merged: int,
    *,
    kept: float = 7.0,
    lost: float = 5.0,
    grown: float = 8.6,
    apart: float = 14,
    top: float = 30,
) -> list[Frame]:
    """Five frames of four couples of unequal cells; in the third, so many couples are one cell each."""
    frames = [dict[str, tuple[float, float, float]]() for _ in range(5)]
    for couple, (y, x) in enumerate((y, x) for y in (top, 120 - top) for x in (40.0, 120.0)):
        for t in range(5):
            is_one = t == 2 and couple < merged
            frames[t][f"{couple} kept"] = (y, x, grown if is_one else kept)
            if not is_one:
                frames[t][f"{couple} lost"] = (y, x + apart, lost)
    return list[Frame](frames)


@pytest.mark.parametrize(("merged", "is_flawed"), [(3, False), (4, True)])
def test_cells_that_are_taken_for_one_are_flaws(merged: int, is_flawed: bool) -> None:
    """Three say nothing."""
    assert has_flaws(scene_of(painted(couples(merged)).labels)) == is_flawed


@pytest.mark.parametrize(("frames", "is_flawed"), [(couples(4)[:3], True), (couples(4)[2:], False)])
def test_cells_that_are_one_from_the_first_frame_on_are_none(frames: list[Frame], is_flawed: bool) -> None:
    """As mothers are."""
    assert has_flaws(scene_of(painted(frames).labels)) == is_flawed


@pytest.mark.parametrize(
    ("grown", "is_flawed"),
    [(7.0, False), (7.5, False), (8.1, True), (9.2, True), (9.6, False), (10.5, False)],
)
def test_a_cell_that_swallows_another_grows_by_it(grown: float, is_flawed: bool) -> None:
    """Beside others a cell died, or was missed."""
    assert has_flaws(scene_of(painted(couples(4, grown=grown)).labels)) == is_flawed


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ({"kept": 8.0, "lost": 2.5, "grown": 8.4}, "a cell grows so much by itself"),
        ({"apart": 26.0}, "too far away"),
        ({"top": 4.0}, "cells come and go at the edge"),
    ],
)
def test_cells_that_end_beside_one_that_grows_for_another_reason(way: dict[str, float], why: str) -> None:
    assert not has_flaws(scene_of(painted(couples(4, **way)).labels)), why


def test_a_cell_is_swallowed_once() -> None:
    """Two that end between two that grow, where four would be flaws."""
    small: Frame = {f"{y} b": (y, 60.0, 5.0) for y in (30.0, 90.0)}
    large: Frame = {f"{y} {x}": (y, x, 7.0) for y in (30.0, 90.0) for x in (46.0, 74.0)}
    grown: Frame = {name: (y, x, 8.6) for name, (y, x, _) in large.items()}
    assert not has_flaws(scene_of(painted([{**large, **small}, grown, {**large, **small}]).labels))


def test_a_cell_whose_parent_was_taken_away_swallows_none() -> None:
    """As births that are explained take some away."""
    scene = scene_of(painted(couples(4, apart=-14)).labels)
    assert has_flaws(scene)
    scene.draft.lineage.parent[scene.draft.cells.in_frame(2)] = NOBODY
    assert not has_flaws(scene)
