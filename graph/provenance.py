"""Where a tracking comes from, beside its author and parameters: files, programs, the machine."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """What is known of how a tracking was made; None where it is not.

    Attributes:
        source: the file that it was made from or read from.
        source_checksum: sha256 of its content, in hex; a movie's fingerprint.
        segmenter: what made the label images, with its version.
        weights_checksum: sha256 of the tracker's weights, in hex.
        seconds: how long it took to make, wall time.
        device: what it was computed on.
    """

    source: str | None = None
    source_checksum: str | None = None
    segmenter: str | None = None
    weights_checksum: str | None = None
    seconds: float | None = None
    device: str | None = None

    def as_properties(self) -> dict[str, Any]:
        """Everything, as the database holds it."""
        return asdict(self)

    def identity(self) -> dict[str, Any]:
        """What makes it another tracking: not where the file lies, how fast or on what it was computed."""
        known = {
            "source_checksum": self.source_checksum,
            "segmenter": self.segmenter,
            "weights_checksum": self.weights_checksum,
        }
        return {name: value for name, value in known.items() if value is not None}

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> "Provenance":
        """What the database holds."""
        return cls(**{field.name: properties.get(field.name) for field in fields(cls)})


UNKNOWN = Provenance()
