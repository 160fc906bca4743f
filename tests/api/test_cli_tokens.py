"""Tokens from the command line."""

import pytest

from graph.store import LineageStore
from graph.tokens import Scope
from tests.api.test_cli import Call, cellkin, on_server

pytestmark = pytest.mark.neo4j
__all__ = ["cellkin", "on_server"]  # fixtures


def test_a_token_is_made_listed_and_revoked(on_server: Call, store: LineageStore) -> None:
    made = on_server("token", "create", "--scope", "write", "--name", "robot", "--expires", 30, "--json")
    secret = made.document["token"]
    found = store.tokens.check(secret)
    assert found is not None
    assert (found.scope, found.name) == (Scope.WRITE, "robot")
    assert found.expires is not None
    assert (found.expires - found.created).days == 30
    listed = on_server("token", "list", "--json")
    assert secret[16:] not in listed.out
    assert [(t["id"], t["scope"], t["valid"]) for t in listed.document["tokens"]] == [
        (found.id, "write", True)
    ]
    assert on_server("token", "revoke", found.id, "--json").document["valid"] is False
    assert store.tokens.check(secret) is None
    assert on_server("token", "revoke", "nobody", "--json").error["code"] == "NOT_FOUND"


def test_a_person_is_shown_the_token_once(on_server: Call, store: LineageStore) -> None:
    made = on_server("token", "create", "--scope", "read").out
    (secret,) = [word for word in made.split() if word.startswith("ck_")]
    assert store.tokens.check(secret) is not None
    listed = on_server("token", "list").out
    assert secret not in listed
    assert "scope read, created" in listed


def test_a_token_needs_a_scope(cellkin: Call) -> None:
    assert cellkin("token", "create").code == 2
    assert cellkin("token", "create", "--scope", "root").code == 2
