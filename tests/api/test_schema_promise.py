"""Nothing vanishes from the schema that was not deprecated for two releases."""

import subprocess
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest
import strawberry

from api.fields import resolved, value
from api.schema import schema_text
from api.schema_promise import RELEASED, broken, release, undated
from tests.conftest import REPOSITORY

OLD = """
type Query { cells(first: Int = 3, %s): [Cell!]! %s }
type Cell { id: ID! kind: Kind %s }
enum Kind { DAUGHTER SISTER %s }
type Colour { name: String! }
"""
DATED = '@deprecated(reason: "since 0.2, goes in 0.4: use id")'
UNDATED = '@deprecated(reason: "not nice")'


def old(mark: str = "") -> str:
    return OLD % (
        f"colour: Int {mark}",
        f"old(x: Int): Cell {mark}",
        f"colour: Colour {mark}",
        f"AUNT {mark}",
    )


NEW = """
type Query { cells(first: Int = 3, last: Int): [Cell!]! }
type Cell { id: ID! kind: Kind age: Int }
enum Kind { DAUGHTER SISTER }
"""


def test_today_keeps_the_promise_of_the_last_release() -> None:
    wrong = broken(RELEASED.read_text(), schema_text(), version("cellkin"))
    assert wrong == [], "deprecate it first (docs/graphql.md)"


def test_what_is_deprecated_says_since_when_until_when_and_what_to_use() -> None:
    assert undated(schema_text()) == []


def test_no_promise_was_ever_replaced_by_a_smaller_one() -> None:
    """So far as the checkout's history reaches: the file that is compared with cannot just be rewritten."""
    name = str(RELEASED.relative_to(REPOSITORY))
    log = subprocess.run(
        ["git", "log", "--first-parent", "--format=%H", "--", name],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if log.returncode:
        pytest.skip("not a git checkout: nothing says what was promised before")
    show = ["git", "show"]
    texts = [
        subprocess.run(
            [*show, f"{commit}:{name}"], cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout
        for commit in reversed(log.stdout.split())
    ]
    promises = [*texts, RELEASED.read_text()]
    for before, after in pairwise(promises):
        assert broken(before, after, version("cellkin")) == []


def test_what_vanishes_without_warning_is_found() -> None:
    wrong = " ".join(broken(old(), NEW, "9.0"))
    for thing in ("Query.old", "Cell.colour", "AUNT", "colour", "Colour was removed"):
        assert thing in wrong


def test_what_was_deprecated_may_go_when_its_time_has_come() -> None:
    assert broken(old(DATED), NEW, "0.4.0") == []
    assert broken(old(DATED), NEW, "1.0.0") == []
    assert len(broken(old(DATED), NEW, "0.3.9")) == len(broken(old(), NEW, "0.3.9")) == 5
    assert len(broken(old(UNDATED), NEW, "9.0")) == 5


@pytest.mark.parametrize(
    "change",
    [
        NEW.replace("age: Int", "").replace("id: ID!", "id: ID"),
        NEW.replace("[Cell!]!", "[Cell!]"),
        NEW.replace("last: Int", "last: Int!"),
        NEW.replace("kind: Kind", "kind: String"),
    ],
)
def test_what_changes_under_a_client_is_found(change: str) -> None:
    assert len(broken(NEW, change, "9.0")) >= 1


@pytest.mark.parametrize(
    "reason",
    ["", "not nice", "since 0.2: use id", "since 0.2, goes in 0.3: use id", "since 0.2, goes in 0.4: use "],
)
def test_a_reason_that_says_too_little_or_leaves_too_little_time_is_found(reason: str) -> None:
    assert len(undated(old(f'@deprecated(reason: "{reason}")'))) == 4
    assert undated(old(DATED)) == []


def test_fields_of_both_kinds_can_be_deprecated() -> None:
    reason = "since 0.2, goes in 0.4: use label"

    @strawberry.type
    class Query:
        colour: int = value("Its colour.", deprecated=reason)

        @resolved(deprecated=reason)
        def shade(self) -> int:
            """Its shade."""
            return 7

    assert strawberry.Schema(Query).as_str().count(f'@deprecated(reason: "{reason}")') == 2


def test_a_release_makes_the_schema_of_today_the_promise(tmp_path: Path) -> None:
    path = tmp_path / "released.graphql"
    assert release(path) == []
    assert path.read_text() == schema_text()
    path.write_text(schema_text().replace("type Query {", "type Query {\n  gone: Int\n", 1))
    promised = path.read_text()
    assert release(path) == ["Field Query.gone was removed."]
    assert path.read_text() == promised
