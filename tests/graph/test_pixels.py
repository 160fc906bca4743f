"""Label images go into the data folder whole, and come out a frame at a time."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from filelock import FileLock

from graph.pixels import PixelStore
from ingest.errors import InputError, NotFoundError, StoreError
from ingest.movie import LabelImages

RNG = np.random.default_rng(5)
IMAGES = RNG.integers(0, 2**31 - 1, (4, 7, 9), dtype=np.int32)
LABELS = LabelImages.from_array(IMAGES)


@pytest.fixture
def pixels(tmp_path: Path) -> PixelStore:
    return PixelStore(tmp_path / "pixels")


def accept(t: int, image: object) -> None:
    """Find nothing wrong."""


def keep(pixels: PixelStore, tracking_id: str, labels: LabelImages = LABELS) -> str:
    with pixels.writing(labels, accept) as written:
        pixels.keep(written, tracking_id)
    return written.checksum


def test_label_images_come_back(pixels: PixelStore) -> None:
    keep(pixels, "t1")
    labels = pixels.labels("t1")
    assert labels.shape == (4, 7, 9)
    np.testing.assert_array_equal(np.stack(list(labels)), IMAGES)
    assert labels.frame(0).dtype == np.int32


def test_a_frame_is_a_chunk(pixels: PixelStore) -> None:
    keep(pixels, "t1")
    chunks = sorted(
        path.relative_to(pixels.folder / "t1.zarr" / "c").parts[0] for path in chunk_files(pixels)
    )
    assert chunks == ["0", "1", "2", "3"]


def chunk_files(pixels: PixelStore) -> list[Path]:
    return [path for path in (pixels.folder / "t1.zarr" / "c").rglob("*") if path.is_file()]


def test_the_checksum_is_of_the_content(pixels: PixelStore) -> None:
    one = keep(pixels, "t1")
    assert keep(pixels, "t2", LabelImages.from_array(IMAGES.astype(np.uint32))) == one
    changed = IMAGES.copy()
    changed[3, 6, 8] ^= 1
    assert keep(pixels, "t3", LabelImages.from_array(changed)) != one
    assert keep(pixels, "t4", LabelImages.from_array(IMAGES.reshape(4, 9, 7))) != one


def test_frames_are_read_once_and_checked_in_order(pixels: PixelStore) -> None:
    read: list[int] = []
    checked: list[int] = []

    def frame(t: int) -> npt.NDArray[np.int32]:
        read.append(t)
        return np.array(IMAGES[t])

    with pixels.writing(LabelImages((4, 7, 9), frame), lambda t, _: checked.append(t)):
        pass
    assert read == checked == [0, 1, 2, 3]


def test_what_is_not_kept_or_is_wrong_leaves_nothing(pixels: PixelStore) -> None:
    with pixels.writing(LABELS, accept):
        assert len(list(pixels.folder.iterdir())) == 2  # the images and their lock

    def wrong(t: int, image: object) -> None:
        if t == 2:
            raise InputError("label 7")

    with pytest.raises(InputError, match="label 7"), pixels.writing(LABELS, wrong):
        pass
    assert list(pixels.folder.iterdir()) == []


def test_the_first_to_be_kept_stays(pixels: PixelStore) -> None:
    keep(pixels, "t1")
    keep(pixels, "t1", LabelImages.from_array(IMAGES[:, ::-1]))
    np.testing.assert_array_equal(pixels.labels("t1").frame(1), IMAGES[1])
    assert [path.name for path in pixels.folder.iterdir()] == ["t1.zarr"]


@pytest.mark.parametrize("name", ["t9", "", "../t1", "/etc", "a b", "t1.zarr"])
def test_there_are_none(pixels: PixelStore, name: str) -> None:
    keep(pixels, "t1")
    with pytest.raises(NotFoundError, match="no label images"):
        pixels.labels(name)
    assert not pixels.has(name)
    pixels.delete(name)
    assert pixels.has("t1")


def test_the_deleted_are_gone(pixels: PixelStore) -> None:
    keep(pixels, "t1")
    pixels.delete("t1")
    assert not pixels.has("t1")


def test_a_sweep_takes_what_the_dead_left_and_no_more(pixels: PixelStore) -> None:
    keep(pixels, "t1")
    for name in (".writing-dead", ".writing-alive"):
        (pixels.folder / name).mkdir()
        (pixels.folder / f"{name}.lock").touch()
    with FileLock(pixels.folder / ".writing-alive.lock"):
        pixels.sweep()
        left = sorted(path.name for path in pixels.folder.iterdir())
    assert left == [".writing-alive", ".writing-alive.lock", "t1.zarr"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StoreError, match="label images cannot be written"),
        PixelStore(tmp_path / "file" / "pixels").writing(LABELS, accept),
    ):
        pass


def test_label_images_are_copied_whole_and_what_a_killed_copy_left_is_swept(
    pixels: PixelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(pixels, "t1")
    (pixels.folder / ".copying-t2.zarr" / "c").mkdir(parents=True)
    (other := PixelStore(tmp_path / "other")).copy_all(pixels)
    assert [path.name for path in other.folder.iterdir()] == ["t1.zarr"]
    np.testing.assert_array_equal(np.stack(list(other.labels("t1"))), IMAGES)
    pixels.sweep()
    assert [path.name for path in pixels.folder.iterdir()] == ["t1.zarr"]
    monkeypatch.setattr("graph.pixels._remove", lambda *_: None)  # as when it is killed
    monkeypatch.setattr("graph.pixels.shutil.copytree", lambda _, part: part.mkdir())
    monkeypatch.setattr(Path, "rename", lambda *_: None)
    (killed := PixelStore(tmp_path / "killed")).copy_all(pixels)
    monkeypatch.undo()
    killed.sweep()
    assert list(killed.folder.iterdir()) == []
