import numpy as np
import pytest
from scipy import ndimage as ndi

from ingest.segment import segment_frame
from tests.ingest.painting import discs


@pytest.mark.parametrize("apart", [16, 17, 21])
def test_touching_cells_are_told_apart(apart: int) -> None:
    labels = segment_frame(discs((45, 40), (45, 40 + apart)), diameter=18)
    assert labels.max() == 2
    assert labels[45, 38] != labels[45, 42 + apart]


def test_a_long_cell_is_one() -> None:
    y, x = np.indices((90, 120))
    long = np.where(((y - 45) / 6) ** 2 + ((x - 60) / 16) ** 2 < 1, 120.0, 0.0)
    assert segment_frame(discs(ground=100 + long), diameter=18).max() == 1


def test_a_dim_cell_beside_a_bright_one_keeps_its_outline() -> None:
    bright, dim = discs((45, 40), height=900.0), discs((45, 60), height=90.0, noise=0.0, ground=0.0)
    labels = segment_frame(ndi.gaussian_filter(bright + dim, 1.0), diameter=18)
    assert labels.max() == 2
    assert np.sum(labels == labels[45, 62]) == pytest.approx(np.pi * 9**2, rel=0.2)


def test_a_nucleolus_belongs_to_its_cell() -> None:
    hole = discs((30, 33), radius=2, height=-110.0, noise=0.0, ground=0.0)
    labels = segment_frame(discs((30, 30), (60, 80)) + hole, diameter=18)
    assert labels.max() == 2
    assert labels[30, 33] == labels[30, 26]


def test_labels_count_from_one_and_small_specks_are_left_out() -> None:
    image = discs((30, 30), (60, 80))
    image[10:12, 100:102] = 250
    labels = segment_frame(image, diameter=18)
    assert np.unique(labels).tolist() == [0, 1, 2]
    assert labels[10, 100] == 0


def test_every_label_is_one_piece() -> None:
    rng = np.random.default_rng(8)
    crowd = discs(*((int(y), int(x)) for y, x in rng.uniform(0, (90, 120), (40, 2))), noise=20.0)
    labels = segment_frame(crowd, diameter=18)
    assert labels.max() > 10
    for label in range(1, labels.max() + 1):
        assert ndi.label(labels == label)[1] == 1


def test_cells_on_a_slanted_ground_are_found() -> None:
    slope = np.linspace(0, 20, 120)
    labels = segment_frame(discs((30, 30), (60, 90)) + slope, diameter=18)
    assert labels.max() == 2


def test_haze_around_bright_cells_is_no_cell() -> None:
    sharp = discs((20, 20), (20, 60), (60, 30), (65, 95), height=2000.0, noise=0.0)
    haze = 0.3 * ndi.gaussian_filter(sharp - 100, 12)
    image = sharp + haze + np.random.default_rng(5).normal(0, 1, sharp.shape)
    assert segment_frame(image, diameter=18).max() == 4


def test_an_empty_frame_has_no_cells() -> None:
    assert not segment_frame(discs(), diameter=18).any()
    assert not segment_frame(np.full((5, 7), 3), diameter=18).any()
