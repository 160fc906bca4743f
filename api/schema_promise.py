"""What clients may rely on: nothing vanishes from the schema that was not deprecated for two releases.

`docs/schema.released.graphql` holds the schema of the last release. What may be taken away from it is what it
says is deprecated, with a reason of the form `since 0.2, goes in 0.4: use …`, once that version has come
(docs/decisions/0030-graphql-reads.md).
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from graphql import (
    REMOVE,
    DocumentNode,
    GraphQLSchema,
    Node,
    StringValueNode,
    Visitor,
    build_ast_schema,
    find_breaking_changes,
    parse,
    visit,
)

from api.schema import schema_text

RELEASED = Path(__file__).parents[1] / "docs/schema.released.graphql"
REASON = re.compile(r"since (\d+\.\d+), goes in (\d+\.\d+): use .+")
RELEASES_KEPT = 2
"""Minor releases for which what is deprecated stays at least."""

Version = tuple[int, int]


def broken(released: str, current: str, now: str) -> list[str]:
    """What `current` takes away that `released` promised.

    Args:
        released: a schema in GraphQL's own language.
        current: another, which follows it.
        now: the version that `current` is of, such as `0.4.1`: what was to go by then may be gone.

    Returns:
        A sentence for each thing that breaks a client.
    """
    kept = _without_what_went(parse(released), _version(now))
    changes = find_breaking_changes(kept, build_ast_schema(parse(current)))
    return [change.description for change in changes]


def undated(schema: str) -> list[str]:
    """What is deprecated in a schema without saying since when, until when, and what to use instead.

    Also what would go sooner than `RELEASES_KEPT` minor releases after.
    """
    found = [(node, reason) for node, reason in _deprecated(parse(schema)) if not _is_dated(reason)]
    return [f"{node.name.value}: {reason!r}" for node, reason in found]


def release(path: Path = RELEASED) -> list[str]:
    """Make the schema of today the promise; done for a release, and only if it breaks none.

    Returns:
        What breaks the promise of the last release; then nothing is written.
    """
    current, wrong = schema_text(), []
    if path.exists():
        wrong = broken(path.read_text(), current, version("cellkin"))
    if not wrong:
        path.write_text(current)
    return wrong


def _version(text: str) -> Version:
    major, minor, *_ = text.split(".")
    return int(major), int(minor)


def _is_dated(reason: str) -> bool:
    found = REASON.fullmatch(reason)
    if found is None:
        return False
    since, goes = _version(found[1]), _version(found[2])
    return goes >= (since[0], since[1] + RELEASES_KEPT)


def _reason(node: Node) -> str | None:
    """Why a definition is deprecated; None where it is not."""
    for directive in getattr(node, "directives", None) or ():
        if directive.name.value == "deprecated":
            given = [a.value.value for a in directive.arguments if isinstance(a.value, StringValueNode)]
            return given[0] if given else ""
    return None


def _deprecated(document: DocumentNode) -> Iterator[tuple[Any, str]]:
    found: list[tuple[Any, str]] = []

    class Collect(Visitor):
        def enter(self, node: Node, *_: object) -> None:
            reason = _reason(node)
            if reason is not None:
                found.append((node, reason))

    visit(document, Collect())
    return iter(found)


def _without_what_went(document: DocumentNode, now: Version) -> GraphQLSchema:
    """The schema without what was to go by now, and without the types that nothing else leads to."""

    class Remove(Visitor):
        def enter(self, node: Node, *_: object) -> Any:  # noqa: ANN401 - as graphql-core has it
            dated = REASON.fullmatch(_reason(node) or "")
            return REMOVE if dated and _version(dated[2]) <= now else None

    whole = build_ast_schema(visit(document, Remove()), assume_valid_sdl=True)
    return GraphQLSchema(whole.query_type, whole.mutation_type, whole.subscription_type)


if __name__ == "__main__":
    problems = release()
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    sys.exit(bool(problems))
