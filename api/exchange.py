"""What is known of one request, from its arrival to its answer: written as it is dealt with, then logged."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers

from graph.deadline import Deadline
from graph.tokens import Scope

KEY = "cellkin.exchange"
READING = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        name: the token's name and id, `local`, or `signed link`.
        scope: what it allows.
    """

    name: str
    scope: Scope


LOCAL = Caller("local", Scope.ADMIN)


@dataclass
class Exchange:
    """One request and what became of it.

    Attributes:
        id: as the client gave it in X-Request-ID, else made up.
        caller: who asks; None while nobody has said so.
        deadline: the time that it has.
        operation: name of its GraphQL operation, and before that its type.
        query_hash: the first 12 digits of the SHA-256 of its query.
        cost: of its query.
        errors: codes of the errors in its answer.
    """

    id: str
    caller: Caller | None = None
    deadline: Deadline = field(default_factory=lambda: Deadline(None))
    operation: str | None = None
    query_hash: str | None = None
    cost: int | None = None
    errors: list[str] = field(default_factory=list)

    @classmethod
    def begun(cls, headers: Headers) -> "Exchange":
        """That of a request with these headers."""
        given = headers.get("x-request-id", "")
        return cls(given if _ID.fullmatch(given) else secrets.token_hex(8))


def exchange_of(scope: Mapping[str, Any]) -> Exchange:
    """That of a request in progress; of one that came another way, a local one."""
    found = scope.get(KEY)
    return found if isinstance(found, Exchange) else Exchange("-", LOCAL)
