"""Who may use the service: tokens, of which the database knows the hash and never the secret.

A token is `ck_ID_SECRET`. The secret is 256 random bits, so one round of SHA-256 hides it as well as a slow
hash would: nobody can try them all (docs/decisions/0032-safe-to-leave-running.md).
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import partial
from hashlib import sha256
from typing import Any, LiteralString

from neo4j import ManagedTransaction

from graph.connection import Connection
from ingest.errors import CellkinError, InputError, NotFoundError

NAME_LENGTH = 80
LAST_USED_EVERY = timedelta(minutes=10)
"""How old the time of last use may get before it is written anew."""
_SHAPE = re.compile(r"ck_([0-9a-f]{12})_[A-Za-z0-9_-]{43}", re.ASCII)

CREATE = "CREATE (t:Token) SET t = $properties"
ALL = "MATCH (t:Token) RETURN properties(t) AS token ORDER BY t.created, t.id"
FIND = "MATCH (t:Token {id: $id}) RETURN properties(t) AS token"
REVOKE = "MATCH (t:Token {id: $id}) SET t.revoked = coalesce(t.revoked, $now) RETURN properties(t) AS token"
USED = "MATCH (t:Token {id: $id}) SET t.last_used = $now"
ANY = "RETURN EXISTS { MATCH (t:Token) WHERE t.revoked IS NULL } AS any"


class Scope(IntEnum):
    """What a token allows; each scope allows what those before it do."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class TokenRecord:
    """A token without its secret.

    Attributes:
        id: 12 hexadecimal digits, the beginning of the token.
        name: what it is for.
        scope: what it allows.
        created: when.
        expires, revoked, last_used: when, None for never; the last use is known to within 10 minutes.
    """

    id: str
    name: str
    scope: Scope
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    last_used: datetime | None = None

    def is_valid(self, now: datetime | None = None) -> bool:
        """Whether it opens anything now."""
        return self.revoked is None and (self.expires is None or (now or datetime.now(UTC)) < self.expires)


class Tokens:
    """The tokens of a database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(
        self, scope: Scope, *, name: str = "", lifetime: timedelta | None = None
    ) -> tuple[TokenRecord, str]:
        """Make a token; the secret is in what is returned here, and nowhere else.

        Args:
            scope: what it allows.
            name: what it is for, 80 characters at most.
            lifetime: from now on; None for ever.

        Raises:
            InputError: the name is too long or holds what cannot be printed, or the lifetime is over.
        """
        if len(name) > NAME_LENGTH or not name.isprintable():
            remedy = f"use at most {NAME_LENGTH} printable characters"
            raise InputError(f"{name[:NAME_LENGTH]!r} is no name for a token", remedy=remedy)
        if lifetime is not None and lifetime <= timedelta():
            raise InputError("the token would expire before it is made", remedy="give it a time to live")
        now = datetime.now(UTC)
        record = TokenRecord(secrets.token_hex(6), name, scope, now, _later(now, lifetime))
        secret = f"ck_{record.id}_{secrets.token_urlsafe(32)}"
        properties = {
            "id": record.id,
            "name": name,
            "scope": scope.name,
            "hash": _hash(secret),
            "created": now,
            "expires": record.expires,
        }
        self._connection.write(partial(_run, CREATE, properties=properties))
        return record, secret

    def all(self) -> Sequence[TokenRecord]:
        """Every token, the revoked ones too, the oldest first."""
        return [_record(found) for found in self._connection.read(partial(_tokens, ALL))]

    def any(self) -> bool:
        """Whether there is one that is not revoked."""
        return self._connection.read(_any)

    def revoke(self, token_id: str) -> TokenRecord:
        """Make a token worthless.

        Args:
            token_id: its id, or the token itself.

        Raises:
            NotFoundError: there is none of this id.
        """
        shape = _SHAPE.fullmatch(token_id)
        wanted = shape[1] if shape else token_id
        work = partial(_tokens, REVOKE, id=wanted, now=datetime.now(UTC))
        found = self._connection.write(work)
        if not found:
            raise NotFoundError(f"no token {wanted[:20]!r}", remedy="`cellkin token list` lists them")
        return _record(found[0])

    def check(self, secret: str) -> TokenRecord | None:
        """The valid token that has this secret; its use is remembered.

        Args:
            secret: as a client sends it.
        """
        shape = _SHAPE.fullmatch(secret)
        if shape is None:
            return None
        found = self._connection.read(partial(_tokens, FIND, id=shape[1]))
        if not found or not hmac.compare_digest(found[0]["hash"], _hash(secret)):
            return None
        record = _record(found[0])
        if not record.is_valid():
            return None
        self._remember_use(record)
        return record

    def _remember_use(self, record: TokenRecord) -> None:
        now = datetime.now(UTC)
        if record.last_used is None or now - record.last_used > LAST_USED_EVERY:
            try:
                self._connection.write(partial(_run, USED, id=record.id, now=now))
            except CellkinError:
                return  # a database that cannot be written to is no reason to refuse a reader


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _later(now: datetime, lifetime: timedelta | None) -> datetime | None:
    try:
        return now + lifetime if lifetime is not None else None
    except OverflowError as error:
        raise InputError(
            "the token would expire after the year 9999", remedy="leave out --expires"
        ) from error


def _record(properties: dict[str, Any]) -> TokenRecord:
    def time(key: str) -> datetime | None:
        return properties[key].to_native() if properties.get(key) is not None else None

    scope, created = Scope[properties["scope"]], properties["created"].to_native()
    more = time("expires"), time("revoked"), time("last_used")
    return TokenRecord(properties["id"], properties["name"], scope, created, *more)


def _run(query: LiteralString, tx: ManagedTransaction, **parameters: Any) -> None:  # noqa: ANN401
    tx.run(query, parameters).consume()


def _tokens(query: LiteralString, tx: ManagedTransaction, **parameters: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return [found["token"] for found in tx.run(query, parameters)]


def _any(tx: ManagedTransaction) -> bool:
    return bool(tx.run(ANY).single(strict=True)["any"])
