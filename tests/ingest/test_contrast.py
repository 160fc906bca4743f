import numpy as np
import pytest

from ingest.block_means import block_means
from ingest.contrast import bowl, contrast
from tests.ingest.painting import discs

COUNTS, OFFSET = 7.0, -300.0


def uneven(shape: tuple[int, int]) -> np.ndarray:
    """A ground that slants and bulges by some hundred grey values."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, length) for length in shape), indexing="ij")
    return 500 + 90 * y - 140 * x - 60 * (y + 0.2) ** 2 - 80 * x * x


def test_light_is_the_height_above_an_uneven_ground() -> None:
    image = discs((30, 30), (60, 90), ground=uneven((90, 120)))
    found = contrast(image, diameter=18)
    assert found.light[30, 30] == pytest.approx(120, abs=4)
    assert found.light[60, 90] == pytest.approx(120, abs=4)
    assert abs(found.coarse[75, 20]) < 5 * found.noise[75, 20]


def test_an_uneven_ground_alone_has_no_light() -> None:
    image = discs(ground=uneven((90, 120)))
    found = contrast(image, diameter=18)
    assert np.mean(found.coarse > 5 * found.noise) < 1e-3


def test_the_ground_is_found_between_the_cells_of_a_crowd() -> None:
    centres = [(y, x + y % 2 * 11) for y in range(12, 90, 21) for x in range(10, 120, 22)]
    found = contrast(discs(*centres), diameter=18)
    lights = [found.light[y, x] for y, x in centres if 5 < x < 115 and y < 85]
    assert lights == pytest.approx([120] * len(lights), abs=10)


def test_noise_is_what_the_smoothing_leaves_of_it() -> None:
    found = contrast(discs(noise=6.0), diameter=18)
    assert float(np.median(found.noise)) == pytest.approx(float(found.coarse.std()), rel=0.35)


def test_the_unit_of_intensity_does_not_matter() -> None:
    image = discs((30, 30), (60, 90))
    one, other = contrast(image, 18), contrast(COUNTS * image + OFFSET, 18)
    np.testing.assert_allclose(other.coarse, COUNTS * one.coarse, atol=COUNTS * 0.01)
    np.testing.assert_allclose(other.noise, COUNTS * one.noise, rtol=0.01)


def test_bright_things_hardly_lift_the_bowl() -> None:
    ground = uneven((90, 120))
    np.testing.assert_allclose(bowl(ground), ground, atol=1e-6)
    lifted = bowl(discs((20, 30), (25, 80), (70, 100), ground=ground, noise=0.0))
    assert float(np.mean(lifted - ground)) < 0.02 * 120


def test_blocks_are_means_and_the_last_row_is_repeated() -> None:
    image = np.arange(15.0).reshape(3, 5)
    assert block_means(image, 2, np.float64).tolist() == [[3.0, 5.0, 6.5], [10.5, 12.5, 14.0]]
