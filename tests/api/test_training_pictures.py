"""What the pictures of a training are drawn from, and that they are drawn."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from api.training_pictures import confusion, draw_confusions, draw_losses
from tracker.resume import Check


def test_pairs_are_counted_by_true_and_by_judged_class() -> None:
    true, judged = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 0, 1, 1, 0, 2])
    assert confusion(true, judged).tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert confusion(true[:0], judged[:0]).sum() == 0


@pytest.mark.parametrize("validated", [True, False])
def test_losses_are_drawn(tmp_path: Path, validated: bool) -> None:
    checks = [Check(10 * k, 0.5 / k, 0.4 / k if validated else None) for k in range(1, 5)]
    then = [Check(40 + 5 * k, 0.1 / k, 0.09 if validated else None) for k in range(1, 4)]
    draw_losses([checks, then], tmp_path / "losses.png")
    picture = imread(tmp_path / "losses.png")
    assert picture.shape[:2] == (540, 960)
    orange = (picture[..., 0] > 0.75) & (picture[..., 2] < 0.3)
    blue = (picture[..., 0] < 0.4) & (picture[..., 2] > 0.6)
    for right in (False, True):  # of the middle: the second round, below the legend
        half = (slice(60, None), slice(700, None) if right else slice(None, 600))
        assert orange[half].any() == validated
        assert blue[half].any()


@pytest.mark.parametrize("count", [1, 3])
def test_confusions_are_drawn_side_by_side(tmp_path: Path, count: int) -> None:
    table = np.array([[900, 20, 3], [14, 5000, 0], [0, 0, 0]])
    draw_confusions([(f"movie {number}", table) for number in range(count)], tmp_path / "confusion.png")
    picture = imread(tmp_path / "confusion.png")
    assert picture.shape[1] == pytest.approx(150 * (3.4 * count + 0.4), abs=2)
    assert len(np.unique(picture)) > 50
