"""The versions of the database's schema: what each step adds, and what takes it away again."""

from dataclasses import dataclass
from typing import LiteralString


@dataclass(frozen=True)
class Step:
    """The way from one schema version to the next, and back.

    Every statement does nothing where it has been done, so a step that was cut short runs again. Schema
    commands take no parameters: all of these are constants.

    Attributes:
        adds: what a user gets by it.
        up: schema commands, run in one transaction.
        down: those that undo them. Data that `fill` added stays: an older cellkin does not look at it.
        fill: brings stored data up to date, a page a transaction: it takes `$after`, a key, and returns as
            `after` the last key of the page, null when there is no more.
    """

    adds: str
    up: tuple[LiteralString, ...]
    down: tuple[LiteralString, ...]
    fill: LiteralString | None = None


IDS = Step(
    # The detections of a tracking are a range of ids in the order of (frame, label), its tracks too: so
    # the index of single ones serves whole trackings, frames and pages; no frame can hold a label twice.
    adds="every id is unique, and found by an index",
    up=(
        "CREATE CONSTRAINT movie_id IF NOT EXISTS FOR (m:Movie) REQUIRE m.id IS UNIQUE",
        "CREATE CONSTRAINT tracking_id IF NOT EXISTS FOR (t:Tracking) REQUIRE t.id IS UNIQUE",
        "CREATE CONSTRAINT tracking_number IF NOT EXISTS FOR (t:Tracking) REQUIRE t.number IS UNIQUE",
        "CREATE CONSTRAINT track_id IF NOT EXISTS FOR (t:Track) REQUIRE t.id IS UNIQUE",
        "CREATE CONSTRAINT detection_id IF NOT EXISTS FOR (d:Detection) REQUIRE d.id IS UNIQUE",
        "CREATE CONSTRAINT score_id IF NOT EXISTS FOR (s:Score) REQUIRE s.id IS UNIQUE",
        "CREATE CONSTRAINT counter_name IF NOT EXISTS FOR (c:Counter) REQUIRE c.name IS UNIQUE",
        "CREATE CONSTRAINT schema_name IF NOT EXISTS FOR (s:Schema) REQUIRE s.name IS UNIQUE",
    ),
    down=(
        "DROP CONSTRAINT movie_id IF EXISTS",
        "DROP CONSTRAINT tracking_id IF EXISTS",
        "DROP CONSTRAINT tracking_number IF EXISTS",
        "DROP CONSTRAINT track_id IF EXISTS",
        "DROP CONSTRAINT detection_id IF EXISTS",
        "DROP CONSTRAINT score_id IF EXISTS",
        "DROP CONSTRAINT counter_name IF EXISTS",
        "DROP CONSTRAINT schema_name IF EXISTS",
    ),
)

TRACK_LABELS = Step(
    adds="a track is found by its label, which is unique within its tracking",
    up=("CREATE CONSTRAINT track_label IF NOT EXISTS FOR (t:Track) REQUIRE (t.tracking, t.label) IS UNIQUE",),
    down=("DROP CONSTRAINT track_label IF EXISTS",),
    fill="""
    MATCH (t:Track) WHERE t.id > $after
    WITH t ORDER BY t.id LIMIT 10000
    SET t.tracking = t.id / 4294967296
    RETURN max(t.id) AS after
    """,
)

SCORES = Step(
    # The errors of a score are a range of ids, those of a kind a stretch of an index. A score that was
    # written before has neither; nobody sees it, and it goes with its trackings.
    adds="scores with their errors, found by kind and frame",
    up=(
        "CREATE CONSTRAINT score_number IF NOT EXISTS FOR (s:Score) REQUIRE s.number IS UNIQUE",
        "CREATE CONSTRAINT score_key IF NOT EXISTS FOR (s:Score) REQUIRE s.key IS UNIQUE",
        "CREATE CONSTRAINT error_id IF NOT EXISTS FOR (e:Error) REQUIRE e.id IS UNIQUE",
        "CREATE INDEX score_state IF NOT EXISTS FOR (s:Score) ON (s.state)",
        "CREATE INDEX error_kind IF NOT EXISTS FOR (e:Error) ON (e.score, e.kind, e.frame)",
    ),
    down=(
        "DROP CONSTRAINT score_number IF EXISTS",
        "DROP CONSTRAINT score_key IF EXISTS",
        "DROP CONSTRAINT error_id IF EXISTS",
        "DROP INDEX score_state IF EXISTS",
        "DROP INDEX error_kind IF EXISTS",
    ),
)

TOKENS = Step(
    adds="tokens of the service, each found by its id",
    up=("CREATE CONSTRAINT token_id IF NOT EXISTS FOR (t:Token) REQUIRE t.id IS UNIQUE",),
    down=("DROP CONSTRAINT token_id IF EXISTS",),
)

JOBS = Step(
    adds="jobs of the service, found by id and by state",
    up=(
        "CREATE CONSTRAINT job_id IF NOT EXISTS FOR (j:Job) REQUIRE j.id IS UNIQUE",
        "CREATE CONSTRAINT job_number IF NOT EXISTS FOR (j:Job) REQUIRE j.number IS UNIQUE",
        "CREATE INDEX job_state IF NOT EXISTS FOR (j:Job) ON (j.state)",
    ),
    down=(
        "DROP CONSTRAINT job_id IF EXISTS",
        "DROP CONSTRAINT job_number IF EXISTS",
        "DROP INDEX job_state IF EXISTS",
    ),
)

STEPS = (IDS, TRACK_LABELS, SCORES, TOKENS, JOBS)
"""Step n leads from schema version n to n + 1."""
