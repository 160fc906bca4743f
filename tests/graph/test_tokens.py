"""Tokens: made once, kept as a hash, valid until they expire or are revoked."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest

from graph import tokens as module
from graph.connection import Connection
from graph.store import LineageStore
from graph.tokens import Scope, Tokens
from ingest.errors import InputError, NotFoundError, StoreError

pytestmark = pytest.mark.neo4j


@pytest.fixture
def tokens(store: LineageStore) -> Tokens:
    return store.tokens


def test_a_token_is_found_by_its_secret_and_only_by_it(tokens: Tokens) -> None:
    record, secret = tokens.create(Scope.WRITE, name="microscope 2")
    _, other = tokens.create(Scope.READ)
    assert secret.startswith(f"ck_{record.id}_")
    assert len(secret) == len("ck_") + 12 + 1 + 43
    found = tokens.check(secret)
    assert found is not None
    assert (found.id, found.scope, found.name) == (record.id, Scope.WRITE, "microscope 2")
    mixed = secret[:16] + other[16:]
    for wrong in (mixed, secret[:-1], secret + "A", secret.upper(), "", "ck_", "ck_٣", "x" * 100_000):
        assert tokens.check(wrong) is None, wrong[:40]


def test_the_database_never_holds_the_secret(tokens: Tokens, connection: Connection) -> None:
    record, secret = tokens.create(Scope.ADMIN, name="a")
    query = "MATCH (t:Token {id: $id}) RETURN properties(t) AS p"
    kept = connection.read(lambda tx: tx.run(query, id=record.id).single(strict=True)["p"])
    assert secret.rpartition("_")[2] not in str(kept)
    assert secret[16:] not in str(kept)
    assert len(kept["hash"]) == 64


def test_a_token_ends_when_it_expires(tokens: Tokens) -> None:
    record, secret = tokens.create(Scope.READ, lifetime=timedelta(hours=3))
    assert tokens.check(secret) is not None
    assert record.expires is not None
    assert record.is_valid(record.expires - timedelta(seconds=1))
    assert not record.is_valid(record.expires)
    with patch.object(module, "datetime", wraps=datetime) as clock:
        clock.now.return_value = datetime.now(UTC) + timedelta(hours=4)
        assert tokens.check(secret) is None


def test_a_token_ends_when_it_is_revoked(tokens: Tokens) -> None:
    (one, secret), (two, other) = tokens.create(Scope.READ, name="one"), tokens.create(Scope.READ)
    revoked = tokens.revoke(one.id)
    assert revoked.revoked is not None
    assert tokens.revoke(one.id).revoked == revoked.revoked
    assert tokens.check(secret) is None
    assert tokens.check(other) is not None
    assert tokens.any()
    assert tokens.revoke(other).id == two.id
    assert not tokens.any()
    assert [record.name for record in tokens.all()] == ["one", ""]


def test_a_token_that_is_not_there_cannot_be_revoked(tokens: Tokens) -> None:
    with pytest.raises(NotFoundError, match="token list"):
        tokens.revoke("0123456789ab")


def test_the_last_use_is_written_rarely(tokens: Tokens) -> None:
    _, secret = tokens.create(Scope.READ)
    with patch.object(Connection, "write", autospec=True, side_effect=Connection.write) as writes:
        for _ in range(3):
            assert tokens.check(secret) is not None
    assert writes.call_count == 1
    (record,) = tokens.all()
    assert record.last_used is not None
    assert datetime.now(UTC) - record.last_used < timedelta(minutes=1)


def test_a_reader_gets_in_where_nothing_can_be_written(tokens: Tokens) -> None:
    _, secret = tokens.create(Scope.READ)
    with patch.object(Connection, "write", side_effect=StoreError("the disk is full")):
        assert tokens.check(secret) is not None


@pytest.mark.parametrize(
    ("name", "lifetime"),
    [("x" * 81, None), ("two\nlines", None), ("", timedelta()), ("", timedelta(days=4_000_000))],
)
def test_what_makes_no_token(tokens: Tokens, name: str, lifetime: timedelta | None) -> None:
    with pytest.raises(InputError):
        tokens.create(Scope.READ, name=name, lifetime=lifetime)
    assert tokens.all() == []
