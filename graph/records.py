"""What the store gives back: one frozen record a thing, and columns where there are many."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np

from graph.provenance import Provenance
from graph.scores.errors import ErrorKind
from graph.scores.parameters import ScoreParameters
from ingest.tracking_graph import FloatArray, IntArray, LinkKind, TrackingGraph

ROW_BITS = 32
"""A detection's or track's id is its tracking's number · 2³² + its row."""

Table = Mapping[str, "float | int | Table | None"]


class TrackingKind(StrEnum):
    """Where a tracking comes from (docs/glossary.md)."""

    PREDICTED = "PREDICTED"
    """By a tracker."""
    GROUND_TRUTH = "GROUND_TRUTH"
    """Known to be right, or taken for it."""
    CURATED = "CURATED"
    """Corrected by a person."""


@dataclass(frozen=True)
class MovieRecord:
    """A movie that the store knows; its pixels stay where `source` says.

    Attributes:
        id: from the fingerprint, so the same content has the same id everywhere.
        pixel_size: µm, None where unknown.
        minutes_per_frame: None where unknown.
        source: path it was opened from, "" for an array.
        fingerprint: sha256 of its content, in hex.
        created: when it was first added.
    """

    id: str
    name: str
    frames: int
    channels: tuple[str, ...]
    height: int
    width: int
    pixel_size: float | None
    minutes_per_frame: float | None
    source: str
    fingerprint: str
    created: datetime


@dataclass(frozen=True)
class Counts:
    """How much there is of each in one tracking."""

    detections: int
    tracks: int
    divisions: int
    next_links: int
    gap_links: int
    division_links: int

    @property
    def links(self) -> int:
        """All links, of whatever kind."""
        return self.next_links + self.gap_links + self.division_links

    @classmethod
    def of(cls, graph: TrackingGraph) -> "Counts":
        """Count what a graph holds."""
        kinds = np.bincount(graph.kind, minlength=len(LinkKind)).tolist()
        return cls(len(graph.detections), len(graph.tracks), len(graph.divisions), *kinds)


@dataclass(frozen=True, kw_only=True)
class TrackingRecord(Counts):
    """A complete tracking, how it was made, and how much it holds; reading the counts costs nothing.

    Attributes:
        id: from its content, so writing the same again finds it.
        number: its own in this store; ids of its detections and tracks derive from it.
        parameters: of what made it.
        features: names of the measured columns of its detections.
        labels_checksum: sha256 of its label images, None where it was stored without.
        provenance: what else is known of how it was made.
        created: when its writing began; a restored export keeps it.
    """

    id: str
    number: int
    movie_id: str
    kind: TrackingKind
    author: str
    version: str
    parameters: Mapping[str, Any]
    features: tuple[str, ...]
    labels_checksum: str | None
    provenance: Provenance
    created: datetime

    @property
    def first_id(self) -> int:
        """Id of the detection of row 0, and of the track of row 0; the other rows follow."""
        return self.number << ROW_BITS


@dataclass(frozen=True)
class TrackRecord:
    """One cell from birth to division or loss.

    Attributes:
        label: its number within the tracking, that of its masks where they have one of their own.
        begin, end: first and last frame, both inclusive.
        founder: id of its first ancestor, its own for a founder.
        generation: number of its ancestors.
        parent: id, None for a founder.
        daughters: ids, ascending.
        division_probability: of the division that it ends in, the least of the links to the daughters; None
            where it does not divide, or the tracker does not say.
    """

    id: int
    tracking_id: str
    label: int
    begin: int
    end: int
    founder: int
    generation: int
    parent: int | None
    daughters: tuple[int, ...]
    division_probability: float | None = None


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """Detections of some tracks as columns; one row a detection, sorted by (track, frame).

    Attributes:
        track: (N,) id of each one's track.
        id: (N,) of the detection.
        frame: (N,) zero-based.
        label: (N,) value in the frame's label image.
        y, x: (N,) centroid in pixels.
        features: name → (N,), NaN where a detection has no such feature.
    """

    track: IntArray
    id: IntArray
    frame: IntArray
    label: IntArray
    y: FloatArray
    x: FloatArray
    features: Mapping[str, FloatArray]

    def __len__(self) -> int:
        return len(self.id)

    def of_track(self, track_id: int) -> "TimeSeries":
        """The rows of one track; none where it is not among the tracks."""
        return self.part(slice(*np.searchsorted(self.track, [track_id, track_id + 1]).tolist()))

    def part(self, rows: slice) -> "TimeSeries":
        """Some rows that stand together."""
        return TimeSeries(
            self.track[rows],
            self.id[rows],
            self.frame[rows],
            self.label[rows],
            self.y[rows],
            self.x[rows],
            {name: column[rows] for name, column in self.features.items()},
        )


@dataclass(frozen=True, eq=False)
class Lineage:
    """All that descends from one founder.

    Attributes:
        founder: its id.
        tracks: by id, so that a parent stands before its daughters.
        detections: of all these tracks.
    """

    founder: int
    tracks: tuple[TrackRecord, ...]
    detections: TimeSeries


@dataclass(frozen=True)
class StaleReason:
    """Why a stored score may no longer be what one wants to know.

    Attributes:
        of: "computed" or "reference" where that tracking has a successor, "definition" where this cellkin
            computes a measure in another way.
        newer: id of the successor.
    """

    of: str
    newer: str | None

    def __str__(self) -> str:
        if self.newer is None:
            return "it was computed by a cellkin that defined a measure in another way"
        return f"its {self.of} tracking has a successor, {self.newer}"


@dataclass(frozen=True, kw_only=True)
class ScoreRecord:
    """A computed tracking compared with a reference tracking of the same movie.

    Attributes:
        id: from the two and the parameters, so that they have one score.
        number: its own in this store; ids of its errors derive from it.
        table: every measure by its name, nested as it was written; None where undefined.
        errors: how many of each kind are stored.
        stale: why it should be looked at with care; empty as a rule.
        created: when it was last written; a restored export keeps it.
    """

    id: str
    number: int
    movie_id: str
    computed_id: str
    reference_id: str
    parameters: ScoreParameters
    table: Table
    errors: Mapping[ErrorKind, int]
    stale: tuple[StaleReason, ...]
    created: datetime


@dataclass(frozen=True)
class PlaceRecord:
    """A detection that an error is at, or that a link joins to another.

    Attributes:
        id: of the detection.
        frame, label: where it is.
        y, x: (pixels) its centroid.
        track: id of its track.
    """

    id: int
    frame: int
    label: int
    y: float | None
    x: float | None
    track: int


@dataclass(frozen=True)
class LinkRecord:
    """A link from a detection to its successor in time.

    Attributes:
        probability: how sure the tracker is of it, 0..1; None where it does not say.
        earlier, later: the detections; each with its track, which only a DIVISION link leaves.
    """

    kind: LinkKind
    probability: float | None
    earlier: PlaceRecord
    later: PlaceRecord


@dataclass(frozen=True)
class ErrorRecord:
    """One thing that is wrong.

    Attributes:
        id: ascends by frame within a score.
        name: what a person reads: kind, frame, track.
        shift: frames by which a shifted division is late (early: negative), None for other kinds.
        reference, computed: the detections on either side, the earlier first; none, one or two.
    """

    id: int
    kind: ErrorKind
    frame: int
    name: str
    shift: int | None
    reference: tuple[PlaceRecord, ...]
    computed: tuple[PlaceRecord, ...]


@dataclass(frozen=True)
class ErrorFilter:
    """Which errors of a score are wanted; by default all.

    Attributes:
        kinds: only these; None for all.
        frames: only from the first to the last of these, both included; None for all.
        tracks: only those at a detection of the tracks of these ids, of either side; None for all.
    """

    kinds: tuple[ErrorKind, ...] | None = None
    frames: tuple[int, int] | None = None
    tracks: tuple[int, ...] | None = None
