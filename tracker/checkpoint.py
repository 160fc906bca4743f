"""Weights on disk: safetensors, with the network's sizes and how it was trained in the file's own header."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ingest.errors import InputError
from tracker.model import LineageModel, ModelConfig

SHIPPED = Path(__file__).parent / "weights" / "lineage.safetensors"
"""The weights that `cellkin track` uses for label images that are given."""
HELD_OUT = SHIPPED.with_name("held-out.safetensors")
"""Weights that were trained on the first 70 % of each sequence alone: figures of the rest are theirs."""
SEGMENTED = SHIPPED.with_name("segmented.safetensors")
"""Those that it uses for cells of our own segmentation."""
SEGMENTED_HELD_OUT = SHIPPED.with_name("segmented-held-out.safetensors")
"""Those for it that were trained on the first 70 % alone."""
FORMAT = "cellkin lineage model 2"
HEADER = "cellkin"
"""The one entry of the file's header: of several, the order would change from one writing to the next."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained network and where it comes from.

    Attributes:
        model: the network.
        record: how it was trained: data, settings, figures.
        digest: sha256 of the file, in hex.
    """

    model: LineageModel
    record: Mapping[str, Any]
    digest: str


def save_model(model: LineageModel, path: Path, record: Mapping[str, Any]) -> None:
    """Write weights; the same ones as the same bytes.

    Args:
        model: the network.
        path: of the .safetensors file.
        record: anything JSON holds.

    Raises:
        InputError: the file cannot be written.
    """
    header = {"format": FORMAT, "config": model.config.as_dict(), "record": record}
    write_tensors(path, model.state_dict(), {HEADER: json.dumps(header)})


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Write a .safetensors file so that a reader sees the old one or the whole new one.

    Raises:
        InputError: it cannot be written.
    """
    partial = path.with_suffix(".partial")
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(save(whole, dict(header)))
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise InputError(
            f"weights that cannot be written ({error.strerror or error})",
            place=str(path),
            remedy="name a folder that you may write to, on a disk that has room",
        ) from error


def load_model(path: Path = SHIPPED) -> Checkpoint:
    """Read weights.

    Raises:
        InputError: there is no such file, or it is none of ours, or of another version.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = _header(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 — not a mapping
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"weights that cannot be read: {error}",
            place=str(path),
            remedy="give a .safetensors file that cellkin train has written",
        ) from error
    if header.get("format") != FORMAT:
        raise InputError(
            f"weights of the format {header.get('format')!r}, where {FORMAT!r} is needed",
            place=str(path),
            remedy="train them anew with this version (cellkin train)",
        )
    try:
        model, record = LineageModel(ModelConfig(**header["config"])).eval(), header["record"]
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"weights that do not fit the network: {error}",
            place=str(path),
            remedy="train them anew with this version (cellkin train)",
        ) from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Checkpoint(model, record, digest)


def _header(metadata: Mapping[str, str]) -> Mapping[str, Any]:
    """What the file says of itself; where it is none of ours, or an older one, whatever it has."""
    try:
        header = json.loads(metadata.get(HEADER, ""))
    except (ValueError, RecursionError):
        return metadata
    return header if isinstance(header, dict) else metadata
