"""The draft: what linear assignment alone linked, what was explained afterwards, and what was looked at."""

from collections.abc import Sequence

import numpy as np
import pytest

from ingest.errors import InputError
from ingest.measure import measure
from ingest.movie import LabelImages
from ingest.simulate import SimulationSettings, simulate
from tests.tracker.drafted import Named, draft_of
from tests.tracker.networks import to_learn_from
from tests.tracker.painting import Frame, crowd, goes_on, painted, without
from tracker.config import LEARNED_DRAFT, TrackerConfig
from tracker.dataset import TrainingMovie, Variation, vary
from tracker.draft import Draft, make_draft
from tracker.lineage import NOBODY

STILL = crowd(20, seed=5)
MOTHER: Frame = {"m": (60.0, 90.0, 9.0)}
DAUGHTERS: Frame = {"d": (60.0, 82.0, 6.4), "e": (60.0, 98.0, 6.4)}


def drafted(frames: Sequence[Frame]) -> tuple[Draft, list[str]]:
    """A draft and the name of each of its cells."""
    named = Named(painted(frames))
    return draft_of(named.painted.labels), named.names(named.scene)


# m-m < d    one daughter follows from frame to frame, the other is explained
#       e
def test_a_daughter_is_explained_but_was_not_linked() -> None:
    draft, name = drafted([MOTHER, MOTHER, DAUGHTERS])
    daughters = [name.index("2d"), name.index("2e")]
    assert draft.lineage.parent[daughters].tolist() == [name.index("1m")] * 2
    assert draft.lineage.divides.tolist() == [cell == "1m" for cell in name[:-1]]
    assert draft.has_parent[daughters].sum() == 1
    assert draft.has_child.tolist() == [cell in ("0m", "1m") for cell in name[:-1]]


# C-C . C-C    both sides of a gap stay open, though it is closed
def test_a_gap_is_explained_but_was_not_linked() -> None:
    draft, name = drafted([STILL, STILL, without(STILL, "C"), STILL])
    end, begin = name.index("1C"), name.index("3C")
    assert draft.lineage.parent[begin] == end
    assert not draft.has_child[end]
    assert not draft.has_parent[begin]
    assert draft.lineage.child[end] == begin


def test_the_candidates_are_all_near_pairs_of_following_frames() -> None:
    draft, name = drafted([STILL, STILL, {}, STILL])
    cells, pairs = draft.cells, draft.pairs
    reach = LEARNED_DRAFT.search_in_reaches * draft.costs.reach
    apart = np.linalg.norm(cells.position[:, None] - cells.position[None], axis=2)
    following = cells.frame[None] - cells.frame[:, None] == 1
    expected = np.argwhere(following & (apart <= reach))
    np.testing.assert_array_equal(np.stack([pairs.source, pairs.target], axis=1), expected)
    known = {f"{name[a]}-{name[b]}" for a, b in expected}
    assert goes_on([STILL, STILL]) <= known


def test_without_followers_there_are_no_candidates() -> None:
    draft, _ = drafted([STILL, {}, STILL])
    assert len(draft.pairs) == 0
    assert not draft.has_parent.any()
    assert (draft.lineage.parent[draft.cells.frame == 0] == NOBODY).all()


def test_too_few_label_images_are_refused() -> None:
    labels = painted([STILL, STILL, STILL]).labels
    two = LabelImages.from_array(np.stack(list(labels))[:2])
    with pytest.raises(InputError, match="detections up to frame 2, but 2 label images"):
        make_draft(two, measure(labels), TrackerConfig())


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
    assert not draft_of(vary(many, way)[0]).has_flaws


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_flaws_of_a_segmentation_show_in_the_draft(many: TrainingMovie, share: float) -> None:
    assert draft_of(vary(many, Variation(0, 20, flaws=share))[0]).has_flaws


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
    assert draft_of(painted(frames).labels).has_flaws == has_flaws


def test_cells_between_frames_without_any_are_no_flaws() -> None:
    """Where only some frames are labelled, nothing can go on."""
    assert not draft_of(painted([STILL, {}, STILL, {}, {}, {}, STILL, {}, STILL]).labels).has_flaws


def test_daughters_that_end_at_once_are_flaws() -> None:
    """As pieces of cells do, that the draft takes for daughters."""
    frames: list[Frame] = [{**MOTHER, "p": (20.0, 30.0, 9.0)}] * 2
    frames += [{**DAUGHTERS, "q": (20.0, 22.0, 6.4), "r": (20.0, 38.0, 6.4)}, {"d": DAUGHTERS["d"]}]
    draft, name = drafted(frames)
    ended = [name.index("2e"), name.index("2r")]
    assert (draft.lineage.parent[ended] != NOBODY).all()
    assert not draft.has_parent[ended].any()
    assert draft.has_flaws
