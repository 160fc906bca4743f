"""Pixel size and frame interval are taken from a TIFF where they are stated, and nowhere else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from ingest.formats import Calibration
from ingest.formats.calibration import of_tiff

STACK = np.zeros((5, 6, 8), np.uint8)


def calibration(path: Path, **options: Any) -> Calibration:
    tifffile.imwrite(path / "a.tif", STACK, **options)
    with tifffile.TiffFile(path / "a.tif") as tif:
        return of_tiff(tif)


def ome(path: Path, **stated: object) -> Calibration:
    return calibration(path, ome=True, metadata={"axes": "TYX", **stated})


def imagej(path: Path, *, per_unit: tuple[float, float] = (4, 4), **stated: Any) -> Calibration:
    return calibration(path, imagej=True, resolution=per_unit, metadata={"axes": "TYX", **stated})


@pytest.mark.parametrize(("unit", "size"), [("µm", 0.65), ("nm", 650), ("mm", 0.00065), ("cm", 0.000065)])
def test_ome_pixel_size_in_any_unit(tmp_path: Path, unit: str, size: float) -> None:
    stated = {f"PhysicalSize{axis}": size for axis in "XY"} | {
        f"PhysicalSize{axis}Unit": unit for axis in "XY"
    }
    assert ome(tmp_path, **stated).pixel_size == pytest.approx(0.65)


def test_ome_sizes_without_a_unit_are_micrometres(tmp_path: Path) -> None:
    assert ome(tmp_path, PhysicalSizeX=0.3, PhysicalSizeY=0.3).pixel_size == 0.3


@pytest.mark.parametrize(
    ("unit", "interval", "minutes"),
    [("s", 90, 1.5), ("ms", 30_000, 0.5), ("min", 10, 10), ("h", 0.5, 30), (None, 120, 2)],
)
def test_ome_interval_in_any_unit(tmp_path: Path, unit: str | None, interval: float, minutes: float) -> None:
    stated = {"TimeIncrementUnit": unit} if unit else {}
    assert ome(tmp_path, TimeIncrement=interval, **stated).minutes_per_frame == pytest.approx(minutes)


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"PhysicalSizeX": 0.3},
        {"PhysicalSizeX": 0.3, "PhysicalSizeY": 0.4},
        {
            "PhysicalSizeX": 0.3,
            "PhysicalSizeY": 0.3,
            "PhysicalSizeXUnit": "pixel",
            "PhysicalSizeYUnit": "pixel",
        },
        {"PhysicalSizeX": 0.3, "PhysicalSizeY": 0.3, "PhysicalSizeXUnit": "nm"},
    ],
)
def test_ome_that_is_unclear_says_nothing(tmp_path: Path, stated: dict[str, object]) -> None:
    assert ome(tmp_path, **stated).pixel_size is None


def test_ome_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert calibration(tmp_path, description=b"<OME><broken></OME>", metadata=None) == Calibration()


def test_ome_channel_names(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        np.zeros((3, 2, 6, 8), np.uint8),
        metadata={"axes": "TCYX", "Channel": {"Name": ["DAPI", "GFP"]}},
    )
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        assert of_tiff(tif).channels == ("DAPI", "GFP")


@pytest.mark.parametrize(
    ("unit", "size"), [("um", 0.25), ("micron", 0.25), ("\\u00B5m", 0.25), ("nm", 0.00025)]
)
def test_imagej_pixel_size(tmp_path: Path, unit: str, size: float) -> None:
    assert imagej(tmp_path, unit=unit).pixel_size == pytest.approx(size)


@pytest.mark.parametrize("unit", ["pixel", "", "inch", "furlong"])
def test_imagej_in_no_length_of_a_microscope_says_nothing(tmp_path: Path, unit: str) -> None:
    assert imagej(tmp_path, unit=unit).pixel_size is None


def test_imagej_pixels_that_are_no_squares_say_nothing(tmp_path: Path) -> None:
    assert imagej(tmp_path, per_unit=(4, 5), unit="um").pixel_size is None


@pytest.mark.parametrize(
    ("stated", "minutes"), [({}, None), ({"tunit": "min"}, 300.0), ({"tunit": "sec"}, 5.0)]
)
def test_imagej_interval(tmp_path: Path, stated: dict[str, Any], minutes: float | None) -> None:
    assert imagej(tmp_path, finterval=300.0, **stated).minutes_per_frame == (minutes or 5.0)
    assert imagej(tmp_path, finterval=0.0, **stated).minutes_per_frame is None
    assert imagej(tmp_path).minutes_per_frame is None


@pytest.mark.parametrize(
    ("unit", "per_unit", "size"),
    [
        ("CENTIMETER", 20_000, 0.5),
        ("INCH", 25_400, 1.0),
        ("MICROMETER", 4, 0.25),
        ("INCH", 72, None),  # screens
        ("INCH", 600, None),  # printers
        ("CENTIMETER", 28.35, None),
        ("NONE", 4, None),
    ],
)
def test_resolution_tags(tmp_path: Path, unit: str, per_unit: float, size: float | None) -> None:
    found = calibration(tmp_path, resolution=(per_unit, per_unit), resolutionunit=unit).pixel_size
    assert found == (None if size is None else pytest.approx(size))


def test_no_word_of_it_is_none(tmp_path: Path) -> None:
    assert calibration(tmp_path, metadata=None) == Calibration()
