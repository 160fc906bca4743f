"""Uploads made in place, as if they had been sent."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

from api.uploads import UploadFolder, UploadLimits
from tests.lineages import Drawing

LIMITS = UploadLimits(each=10**8, total=10**9, keep_s=3600)
Write = Callable[[Path], object]


def sent(uploads: UploadFolder, name: str, write: Write) -> str:
    """An upload of what `write` writes; its id."""
    uploads.folder.mkdir(parents=True, exist_ok=True)
    file = uploads.folder / f".{name}"
    write(file)
    content = file.read_bytes()
    file.unlink()
    with uploads.writing(name, 0, len(content)) as writer:
        writer.write(content)
        writer.finish()
    return name


def raw_of(drawing: Drawing) -> npt.NDArray[np.uint16]:
    """(T, Y, X) bright cells on a ground with a little noise."""
    noise = np.random.default_rng(11).integers(90, 110, drawing.labels.shape)
    return (noise + 900 * (drawing.labels > 0)).astype(np.uint16)


def stack_of(frames: npt.NDArray[np.generic], axes: str = "TYX") -> Write:
    """Writes a stack whose axes are stated."""
    return lambda path: tifffile.imwrite(path, frames, imagej=True, metadata={"axes": axes})


def zip_of(**files: Write) -> Write:
    """Writes a zip; `__` in a name is a folder's end, and all are TIFF files but those that end in txt."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, write_one in files.items():
                part = path.with_name(".member")
                write_one(part)
                full = name.replace("__", "/")
                archive.write(part, full.replace("_txt", ".txt") if full.endswith("_txt") else f"{full}.tif")
                part.unlink()

    return write


def frames_of(images: npt.NDArray[np.generic], prefix: str = "t") -> dict[str, Write]:
    """A file a frame, for `zip_of`."""

    def writer(image: npt.NDArray[np.generic]) -> Write:
        return lambda path: tifffile.imwrite(path, image, photometric="minisblack")

    return {f"{prefix}{t:03}": writer(image) for t, image in enumerate(images)}
