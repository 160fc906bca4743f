"""GraphQL types of scores: the measures, every error as a thing, and rows of a table of scores."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, cast

import strawberry
from anyio import to_thread
from strawberry.relay import PageInfo
from strawberry.scalars import JSON

from api.context import Info
from api.fields import Cost, ListSize, described, from_record, resolved, value
from api.loaders import track_key
from api.pages import COUNTED_BY_PAGE, DEFAULT_PAGE, PAGED, Page, cursor_of, page_info, page_of
from api.places import FrameRange, Place, span_of
from api.types import Tracking
from graph import records
from graph.records import ErrorFilter
from graph.scores.errors import ErrorKind
from graph.scores.report import Score as Result
from graph.scores.report import flat
from ingest.errors import InputError, NotFoundError

strawberry.enum(
    ErrorKind,
    description="What is wrong: an operation that AOGM counts (`NS`, `FN`, `FP`, `ED`, `EA`, `EC`), or a "
    "division that is missed, false, some frames early or late, or has wrong daughters (also counted as one "
    "missed and one false).",
)
WHOLE_TABLE = Cost(weight="150")
PLACES = ListSize(assumed_size=2)


@described
class Operations:
    """How many graph operations turn the computed tracking into the reference."""

    ns: int = value(
        "Detections to split: one over several reference detections, once for each too many.", name="NS"
    )
    fn: int = value("Detections to add.", name="FN")
    fp: int = value("Detections to delete.", name="FP")
    ed: int = value("Links to delete.", name="ED")
    ea: int = value("Links to add.", name="EA")
    ec: int = value("Links to change from within a track to a parent link, or back.", name="EC")


@described
class Error:
    """One thing that is wrong in a computed tracking."""

    record: strawberry.Private[records.ErrorRecord]
    id: strawberry.ID = value("Its id; ascends by frame within a score.")
    kind: ErrorKind = value("What is wrong.")
    frame: int = value("Zero-based frame of its first detection, on the reference where it has one there.")
    name: str = value("What a person reads: what is wrong, the frame, the label of the track.")
    shift: int | None = value("Frames by which a division is late, negative if early; null for other kinds.")

    @resolved(PLACES)
    def reference(self) -> list[Place]:
        """Its detections in the reference: of a link both ends, of a division the mother's last one."""
        return [Place.of(place) for place in self.record.reference]

    @resolved(PLACES)
    def computed(self) -> list[Place]:
        """Its detections in the computed tracking, likewise."""
        return [Place.of(place) for place in self.record.computed]


@described
class ErrorEdge:
    """An error of a page."""

    node: Error = value("The error.")

    @resolved()
    def cursor(self) -> str:
        """Where the page after it begins."""
        return cursor_of(self.node.record.id)


@described
class ErrorConnection:
    """One page of errors."""

    nodes: list[Error] = value("The errors.", COUNTED_BY_PAGE)
    page_info: PageInfo = value("Whether there is more, and where it begins.")

    @classmethod
    def of(cls, found: Sequence[records.ErrorRecord], page: Page) -> "ErrorConnection":
        """The page, of one more than was asked for where there are so many."""
        shown = found[: page.first]
        info = page_info(page, len(found), [cursor_of(record.id) for record in shown])
        return cls(nodes=[from_record(Error, record, record=record) for record in shown], page_info=info)

    @resolved(COUNTED_BY_PAGE)
    def edges(self) -> list[ErrorEdge]:
        """The errors, each with its cursor."""
        return [ErrorEdge(node=error) for error in self.nodes]


@described
class ErrorCount:
    """How many errors of a kind there are."""

    kind: ErrorKind = value("What is wrong.")
    count: int = value("How many there are.")


@described
class StaleReason:
    """Why a stored score should be looked at with care."""

    of: str = value("`computed` or `reference` where that tracking has a successor, else `definition`.")
    newer_id: strawberry.ID | None = value("Id of the successor, to score in its place.")
    reason: str = value("The same for a person.")


@described
class Score:
    """A computed tracking compared with a reference tracking of the same movie."""

    record: strawberry.Private[records.ScoreRecord | None]
    computed_id: strawberry.Private[str]
    reference_id: strawberry.Private[str]
    counts: strawberry.Private[Mapping[ErrorKind, int]]
    id: strawberry.ID | None = value("Its id; null where it was computed for this answer.")
    created: datetime | None = value("When it was stored; null where it was computed for this answer.")
    tra: float | None = value("TRA, 0..1: 1 − AOGM/AOGM0; null where undefined.", name="TRA")
    det: float | None = value("DET, 0..1: the same of detections alone.", name="DET")
    lnk: float | None = value("LNK, 0..1: the same of links alone.", name="LNK")
    aogm: float | None = value("AOGM, the weighted number of operations; 0 is perfect.", name="AOGM")
    aogm0: float | None = value("AOGM of an empty tracking.", name="AOGM0")
    operations: Operations = value("The operations that AOGM weighs.")
    table: JSON = value(
        "Every measure by its name, those above too; docs/glossary.md explains them.", WHOLE_TABLE
    )
    parameters: JSON = value("Weights of the operations, and tolerance of divisions in frames.")

    @classmethod
    def of(cls, record: records.ScoreRecord) -> "Score":
        """The score of a record."""
        return cls(
            record=record,
            counts=record.errors,
            id=strawberry.ID(record.id),
            created=record.created,
            parameters=cast("JSON", record.parameters.as_dict()),
            **_measures(record.computed_id, record.reference_id, record.table),
        )

    @classmethod
    def unstored(cls, computed: str, reference: str, result: Result) -> "Score":
        """A score that was computed for this answer."""
        weights = {str(operation): weight for operation, weight in result.weights.items()}
        return cls(
            record=None,
            counts=result.errors.counts,
            id=None,
            created=None,
            parameters=cast("JSON", {"weights": weights, "tolerance": result.tolerance}),
            **_measures(computed, reference, result.as_dict()),
        )

    @resolved()
    async def computed(self, info: Info) -> Tracking:
        """What is judged."""
        return Tracking.of(await info.context.loaders.tracking.load(self.computed_id))

    @resolved()
    async def reference(self, info: Info) -> Tracking:
        """What is taken as the truth."""
        return Tracking.of(await info.context.loaders.tracking.load(self.reference_id))

    @resolved()
    def measure(self, name: str) -> float | None:
        """One measure by its name in `table`, dots for what is nested: `CHOTA`, `BC.0`, `divisions.1.F1`."""
        row = dict(flat(cast("records.Table", self.table)))
        if name not in row:
            raise InputError(
                f"there is no measure {name[:80]!r}",
                place="measure",
                remedy="`table` holds all by their names",
            )
        return row[name]

    @resolved(ListSize(assumed_size=2))
    def stale(self) -> list[StaleReason]:
        """Why it may not be what one wants to know: a tracking has a successor; empty as a rule."""
        reasons = self.record.stale if self.record else ()
        return [
            StaleReason(
                of=one.of, newer_id=None if one.newer is None else strawberry.ID(one.newer), reason=str(one)
            )
            for one in reasons
        ]

    @resolved(ListSize(assumed_size=len(ErrorKind)))
    def error_counts(self) -> list[ErrorCount]:
        """How many errors of each kind there are, of all kinds."""
        return [ErrorCount(kind=kind, count=count) for kind, count in self.counts.items()]

    @resolved(PAGED)
    async def errors(
        self,
        info: Info,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
        kinds: list[ErrorKind] | None = None,
        frames: FrameRange | None = None,
        tracks: list[strawberry.ID] | None = None,
    ) -> ErrorConnection:
        """Its errors by frame, page after page: give a page's `endCursor` as the next one's `after`.

        `kinds` gives only these, `frames` only errors in these frames, `tracks` only errors at these tracks,
        of either side.
        """
        if self.record is None:
            raise NotFoundError(
                "the errors of a score that is not stored",
                remedy="store it first: mutation { storeScore(computed: …, reference: …) { id } }",
            )
        page, wanted = page_of(first, after), _filter(kinds, frames, tracks)
        store, score = info.context.store, self.record.id
        read = partial(store.errors, score, wanted, after=page.after, first=page.first + 1)
        return ErrorConnection.of(await to_thread.run_sync(read), page)


@described
class ScoreRow:
    """A row of a table of scores: of a tracker on a movie, or of a tracker on all of them."""

    tracker: str = value("The tracker, by its author; with its version where there are several.")
    movie: str = value("Name of the movie; `(mean)` and `(pooled)` for a tracker's rows over all its movies.")
    tra: float | None = value("TRA.", name="TRA")
    det: float | None = value("DET.", name="DET")
    lnk: float | None = value("LNK.", name="LNK")
    aogm: float | None = value("AOGM.", name="AOGM")
    chota: float | None = value("CHOTA.", name="CHOTA")
    division_f1: float | None = value("F1 of divisions, no frame early or late.", name="divisionF1")
    measures: JSON = value("Every measure by its name, dots for what is nested.", WHOLE_TABLE)

    @classmethod
    def of(cls, row: Mapping[str, object]) -> "ScoreRow":
        """The row of a table."""
        measures = {name: number for name, number in row.items() if name not in ("movie", "tracker")}
        named = {name.lower(): row.get(name) for name in ("TRA", "DET", "LNK", "AOGM", "CHOTA")}
        return cls(
            tracker=str(row["tracker"]),
            movie=str(row["movie"]),
            division_f1=cast("float | None", row.get("divisions.0.F1")),
            measures=cast("JSON", measures),
            **named,  # type: ignore[arg-type]
        )


def _measures(computed: str, reference: str, table: records.Table) -> dict[str, Any]:
    """The attributes of a `Score` that its table holds."""
    operations = cast("Mapping[str, int]", table["operations"])
    return {
        "computed_id": computed,
        "reference_id": reference,
        "operations": Operations(**{name.lower(): count for name, count in operations.items()}),
        "table": table,
        **{name.lower(): table.get(name) for name in ("TRA", "DET", "LNK", "AOGM", "AOGM0")},
    }


def _filter(
    kinds: list[ErrorKind] | None, frames: FrameRange | None, tracks: list[strawberry.ID] | None
) -> ErrorFilter:
    """Which errors a client asks for.

    Raises:
        InputError: there is no frame in the range.
        NotFoundError: no track has an id of that form.
    """
    return ErrorFilter(
        kinds=None if kinds is None else tuple(kinds),
        frames=span_of(frames),
        tracks=None if tracks is None else tuple(track_key(track) for track in tracks),
    )
