"""The draft: what linear assignment alone linked, what was explained afterwards, and what was looked at."""

from collections.abc import Sequence

import numpy as np
import pytest

from ingest.errors import InputError
from ingest.measure import measure
from ingest.movie import LabelImages
from tests.tracker.drafted import Named, draft_of
from tests.tracker.painting import Frame, crowd, goes_on, painted, without
from tracker.config import LEARNED_DRAFT, TrackerConfig
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
