"""The flaws of a segmentation are noticed, and true cells are not taken for such."""

import pytest

from ingest.simulate import SimulationSettings, simulate
from tests.tracker.drafted import Named, scene_of
from tests.tracker.networks import to_learn_from
from tests.tracker.painting import Frame, crowd, painted
from tracker.dataset import TrainingMovie, Variation, vary
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
    assert not scene_of(vary(many, way)[0]).has_flaws


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_flaws_of_a_segmentation_are_noticed(many: TrainingMovie, share: float) -> None:
    assert scene_of(vary(many, Variation(0, 20, flaws=share))[0]).has_flaws


@pytest.mark.parametrize(
    ("things", "frame", "place", "has_flaws"),
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
    things: int, frame: int, place: tuple[float, float], has_flaws: bool
) -> None:
    """One alone says nothing; nor do those of its first and last frame, and at the edge."""
    y, x = place
    alone: Frame = {f"thing {k}": (y, x + 24.0 * k, 4.0) for k in range(things)}
    frames: list[Frame] = [{"C": (100.0, 30.0, 6.0), "D": (100.0, 80.0, 6.0)}] * 3
    frames[frame] = {**frames[frame], **alone}
    assert scene_of(painted(frames).labels).has_flaws == has_flaws


def test_cells_between_frames_without_any_are_no_flaws() -> None:
    """Where only some frames are labelled, nothing can go on."""
    assert not scene_of(painted([STILL, {}, STILL, {}, {}, {}, STILL, {}, STILL]).labels).has_flaws


def test_daughters_that_end_at_once_are_flaws() -> None:
    """As pieces of cells do, that the draft takes for daughters."""
    frames: list[Frame] = [{**MOTHER, "p": (20.0, 30.0, 9.0)}] * 2
    frames += [{**DAUGHTERS, "q": (20.0, 22.0, 6.4), "r": (20.0, 38.0, 6.4)}, {"d": DAUGHTERS["d"]}]
    named = Named(painted(frames))
    scene, name = named.scene, named.names(named.scene)
    ended = [name.index("2e"), name.index("2r")]
    assert (scene.draft.lineage.parent[ended] != NOBODY).all()
    assert not scene.draft.has_parent[ended].any()
    assert scene.has_flaws


def couples(frame: int, merged: int, *, grown: float = 8.6, left: float = 40.0) -> list[Frame]:
    """Five frames of eight couples of unequal cells; in one frame, so many couples are one cell each."""
    places = [(y, left + 35.0 * k) for y in (30.0, 90.0) for k in range(4)]
    frames = [dict[str, tuple[float, float, float]]() for _ in range(5)]
    for t, (couple, (y, x)) in ((t, place) for t in range(5) for place in enumerate(places)):
        if t == frame and couple < merged:
            frames[t][f"{couple}a"] = (y, x - 2.5, grown)
        else:
            frames[t] |= {f"{couple}a": (y, x - 7, 7.0), f"{couple}b": (y, x + 7, 5.0)}
    return list[Frame](frames)


@pytest.mark.parametrize(("frame", "merged", "has_flaws"), [(2, 3, False), (2, 4, True), (0, 8, False)])
def test_cells_that_are_taken_for_one_are_flaws(frame: int, merged: int, has_flaws: bool) -> None:
    """Three say nothing; nor do those that are one from the first frame on, as mothers are."""
    assert scene_of(painted(couples(frame, merged)).labels).has_flaws == has_flaws


@pytest.mark.parametrize("grown", [7.0, 10.5])
def test_cells_that_end_beside_one_that_is_not_both_are_none(grown: float) -> None:
    """They died there, or were missed."""
    assert not scene_of(painted(couples(2, 8, grown=grown)).labels).has_flaws
