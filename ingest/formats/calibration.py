"""Pixel size, frame interval and channel names out of a TIFF's metadata, where they are unambiguous."""

import math
from typing import TYPE_CHECKING

import tifffile

from ingest.formats import Calibration

if TYPE_CHECKING:
    from ome_types.model import Pixels

MICROMETRES = {
    **{"pm": 1e-6, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6},
    **dict.fromkeys(["µm", "μm", "um", "\\u00B5m", "micron", "microns", "micrometer"], 1.0),
}
MINUTES = {
    **{"ms": 1 / 60_000, "min": 1.0, "h": 60.0, "d": 1440.0},
    **dict.fromkeys(["s", "sec", "second", "seconds"], 1 / 60),
    **dict.fromkeys(["minute", "minutes"], 1.0),
    **dict.fromkeys(["hour", "hours", "hr"], 60.0),
}
RESOLUTION_UNITS = {2: 25_400.0, 3: 10_000.0, 4: 1000.0, 5: 1.0}
"""µm of an inch, a centimetre, a millimetre and a micrometre by the tag's code; 1 is no unit."""
COARSEST = 20.0
"""µm a pixel: a coarser resolution tag is a printer's (600 dots an inch is 42 µm), not a microscope's."""


def of_tiff(tif: tifffile.TiffFile) -> Calibration:
    """The calibration that OME-XML, ImageJ's description or the resolution tags state, in this order."""
    if tif.ome_metadata:
        return _ome(tif.ome_metadata)
    page = tif.pages.first
    said = tif.imagej_metadata
    if said is not None:
        interval = MINUTES.get(str(said.get("tunit", "sec")))
        size = _pixel_size(page, MICROMETRES.get(str(said.get("unit"))))
        return Calibration(size, _product(said.get("finterval"), interval))
    size = _pixel_size(page, RESOLUTION_UNITS.get(page.resolutionunit))
    return Calibration(size if size is not None and size <= COARSEST else None)


def _ome(xml: str) -> Calibration:
    """The first image's calibration; none where the XML cannot be read, for the user may state it."""
    from ome_types import from_xml  # takes most of a second, and few movies need it

    try:
        pixels = from_xml(xml).images[0].pixels
    except Exception:  # whatever the parsers of XML, schema and units raise on a vendor's own dialect
        return Calibration()
    names = tuple(channel.name or f"channel {c}" for c, channel in enumerate(pixels.channels))
    interval = _product(pixels.time_increment, MINUTES.get(pixels.time_increment_unit.value))
    return Calibration(_ome_pixel_size(pixels), interval, names)


def _ome_pixel_size(pixels: "Pixels") -> float | None:
    y = _product(pixels.physical_size_y, MICROMETRES.get(pixels.physical_size_y_unit.value))
    return _square(y, _product(pixels.physical_size_x, MICROMETRES.get(pixels.physical_size_x_unit.value)))


def _pixel_size(page: tifffile.TiffPage, unit: float | None) -> float | None:
    """µm a pixel from the resolution tags (pixels a unit), given the unit in µm."""
    if "XResolution" not in page.tags or "YResolution" not in page.tags:
        return None
    x, y = (1 / per_unit if per_unit > 0 else None for per_unit in page.resolution)
    return _square(_product(y, unit), _product(x, unit))


def _square(y: float | None, x: float | None) -> float | None:
    """One size for both directions, if they agree to a thousandth."""
    return x if x is not None and y is not None and math.isclose(x, y, rel_tol=1e-3) else None


def _product(value: object, unit: float | None) -> float | None:
    """`value · unit` if both are there and the result is a positive number."""
    if unit is None or not isinstance(value, int | float):
        return None
    product = float(value) * unit
    return product if math.isfinite(product) and product > 0 else None
