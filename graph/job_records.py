"""What a job is: its kind, its state, how far it is, and what became of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from neo4j import Record

Arguments = Mapping[str, Any]
"""What a job was given, ready for JSON."""
ErrorDocument = Mapping[str, str]
"""Code, problem, place and remedy of what ended a job."""


class JobKind(StrEnum):
    """What a job does."""

    TRACK = "TRACK"
    INGEST = "INGEST"


class JobState(StrEnum):
    """Where a job is on its way."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


LIVE = tuple(state.value for state in JobState if not state.ended)


@dataclass(frozen=True)
class JobProgress:
    """How far a job is.

    Attributes:
        step: what it does now, in words.
        done: items of that step that are dealt with.
        total: how many there are; None where nobody knows.
    """

    step: str
    done: int = 0
    total: int | None = None


@dataclass(frozen=True)
class JobRecord:
    """One job as it is stored.

    Attributes:
        id: j and sixteen hex digits.
        number: jobs count up; the queue is in this order.
        kind, state: see there.
        arguments: what it was given.
        uploads: ids of the uploads that it reads.
        progress: None before it begins.
        attempts: how often it was begun.
        cancelling: somebody asked for its end, and its worker has not come to it yet.
        error: what ended it; None unless it failed.
        results: ids of the trackings that it stored.
        notes: what a user should know and need not mend.
        created, started, ended: started is of the last attempt; None while it has not happened.
        revision: counts every change.
    """

    id: str
    number: int
    kind: JobKind
    state: JobState
    arguments: Arguments
    uploads: tuple[str, ...]
    progress: JobProgress | None
    attempts: int
    cancelling: bool
    error: ErrorDocument | None
    results: tuple[str, ...]
    notes: tuple[str, ...]
    created: datetime
    started: datetime | None
    ended: datetime | None
    revision: int


def job_of(record: Record) -> JobRecord:
    """A job from its node `j`."""
    node = record["j"]
    started, ended = (node.get(name) for name in ("started", "ended"))
    step = node.get("step")
    return JobRecord(
        id=node["id"],
        number=node["number"],
        kind=JobKind(node["kind"]),
        state=JobState(node["state"]),
        arguments=json.loads(node["arguments"]),
        uploads=tuple(node["uploads"]),
        progress=None if step is None else JobProgress(step, node["done"], node.get("total")),
        attempts=node["attempts"],
        cancelling=node["cancelling"],
        error=json.loads(node["error"]) if "error" in node else None,
        results=tuple(node["results"]),
        notes=tuple(node["notes"]),
        created=node["created"].to_native(),
        started=started and started.to_native(),
        ended=ended and ended.to_native(),
        revision=node["revision"],
    )
