import numpy as np
import pytest

from ingest.cell_size import typical_diameter
from tests.ingest.painting import discs


@pytest.mark.parametrize("noise", [0.0, 4.0, 40.0])
def test_discs_are_measured_through_noise(noise: float) -> None:
    image = discs((30, 30), (60, 80), (25, 95), (70, 15), noise=noise)
    assert typical_diameter([image]) == pytest.approx(18, rel=0.15)


def test_several_images_count_together() -> None:
    empty, full = discs(), discs((30, 30), (60, 80), (25, 95))
    assert typical_diameter([empty, full, empty]) == pytest.approx(18, rel=0.2)


def test_a_slanted_ground_is_not_measured() -> None:
    slanted = discs((30, 30), (60, 80), (25, 95), ground=np.linspace(0, 400, 120) + np.zeros((90, 1)))
    assert typical_diameter([slanted]) == pytest.approx(18, rel=0.15)


def test_what_is_larger_than_all_lags_is_at_least_so_large() -> None:
    strip = discs((30, 30), (32, 80), (28, 105))[20:40]
    assert 12 < (typical_diameter([strip]) or 0) < 25


@pytest.mark.parametrize(
    "image",
    [
        np.random.default_rng(3).normal(500, 20, (120, 150)),
        np.full((50, 40), 7, np.uint16),
        np.linspace(0.1, 900.3, 120) + np.zeros((90, 1)),
        discs((3, 3))[:7, :60],
    ],
    ids=["noise", "flat", "slant", "tiny"],
)
def test_nothing_to_measure(image: np.ndarray) -> None:
    assert typical_diameter([image]) is None
