"""DeepCell's files as another program may write them."""

import io
import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.formats.trk import TrkTracking
from ingest.movie import LabelImages, Movie
from tests.lineages import Drawing

Lineage = dict[str, dict[str, Any]]


def pack(path: Path, members: Mapping[str, bytes], mode: Any = "w:gz") -> Path:
    """An archive of these members, made from files as `tar` does it."""
    with tarfile.open(path, mode) as tar, tempfile.TemporaryDirectory() as folder:
        for name, content in members.items():
            file = Path(folder) / "member"
            file.write_bytes(content)
            tar.add(file, name)
    return path


def npy(array: npt.NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def raw_of(drawing: Drawing, channels: int = 2) -> npt.NDArray[np.float32]:
    """(T, Y, X, C) noise about the brightness of the cells, nowhere 0."""
    rng = np.random.default_rng(5)
    noise = rng.uniform(1, 30, (*drawing.labels.shape, channels))
    return (noise + 200 * (drawing.labels > 0)[..., np.newaxis]).astype(np.float32)


def lineage_of(drawing: Drawing) -> Lineage:
    """The entries for the cells of a drawing whose gaps, if any, are within a label."""
    children = {cell.label: [c for c in drawing.cells if c.parent == cell.label] for cell in drawing.cells}
    return {
        str(cell.label): {
            "label": cell.label,
            "frames": list(range(cell.begin, cell.end + 1)),
            "daughters": [child.label for child in children[cell.label]],
            "parent": cell.parent or None,
            "capped": bool(children[cell.label]),
            "frame_div": min((child.begin for child in children[cell.label]), default=None),
        }
        for cell in drawing.cells
    }


def parts(drawing: Drawing) -> dict[str, bytes]:
    """The members of a .trk file of a drawing."""
    return {
        "lineage.json": json.dumps(lineage_of(drawing), indent=4).encode(),
        "raw.npy": npy(raw_of(drawing)),
        "tracked.npy": npy(drawing.labels[..., np.newaxis]),
    }


def trk_of(path: Path, drawing: Drawing, **changed: bytes) -> Path:
    """A .trk file of a drawing; `changed` are other members, by the first part of their name."""
    return pack(path, {name: changed.get(name.split(".")[0], old) for name, old in parts(drawing).items()})


def trks_of(path: Path, drawings: Sequence[Drawing]) -> Path:
    """A .trks file of drawings of one size, padded to the longest."""
    frames = max(len(drawing.labels) for drawing in drawings)

    def padded(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        empty = [(0, 0)] * (arrays[0].ndim - 1)
        return np.stack([np.pad(array, [(0, frames - len(array)), *empty]) for array in arrays])

    return pack(
        path,
        {
            "lineages.json": json.dumps([lineage_of(drawing) for drawing in drawings]).encode(),
            "raw.npy": npy(padded([raw_of(drawing) for drawing in drawings])),
            "tracked.npy": npy(padded([drawing.labels[..., np.newaxis] for drawing in drawings])),
        },
    )


def tracking_of(drawing: Drawing) -> TrkTracking:
    frames = np.moveaxis(raw_of(drawing), -1, 1)  # (T, C, Y, X)
    movie = Movie.from_array(frames, name="drawn", axes="TCYX")
    return TrkTracking(movie, LabelImages.from_array(drawing.labels), drawing.graph)
