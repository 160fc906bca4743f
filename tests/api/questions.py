"""Random GraphQL queries that are valid for a schema: any field, any depth, ids that exist and others."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_leaf_type,
)
from hypothesis import strategies as st

DEPTH = 6
TEXTS = (
    "",
    "area",
    "y",
    "MISSED_DIVISION",
    "UFJP",
    "'}) DETACH DELETE n //",
    "\N{SNOWMAN}",
    "\x00",
    "a" * 300,
)
NUMBERS = (-(2**31), -1, 0, 1, 2, 7, 1000, 1001, 2**31 - 1)
REALS = (-1e308, -1.0, 0.0, 0.5, 0.9, 1.0, 1e-300, 1e308)


class Questions:
    """Draws queries.

    Args:
        schema: that they are valid for.
        ids: that exist in the store.
        draw: of hypothesis.
    """

    def __init__(self, schema: GraphQLSchema, ids: Sequence[str], draw: st.DrawFn) -> None:
        self._schema = schema
        self._ids = ids
        self._draw = draw

    def query(self) -> str:
        """A query with a selection of a few fields, and sometimes a fragment."""
        assert self._schema.query_type is not None
        selection = self._selection(self._schema.query_type, DEPTH)
        if self._draw(st.integers(0, 5)) == 0:
            return f"query Drawn {{ ...root ...root }} fragment root on Query {selection}"
        return f"query Drawn {selection}"

    def _selection(self, owner: GraphQLObjectType, depth: int) -> str:
        fields = {
            name: field
            for name, field in owner.fields.items()
            if depth > 1 or is_leaf_type(get_named_type(field.type))
        }
        if not fields:
            return "{ __typename }"
        names = self._draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=3, unique=True))
        alias = self._draw(st.integers(0, 3)) == 0
        chosen = [
            self._field(name, fields[name], depth, f"a{n}: " if alias else "") for n, name in enumerate(names)
        ]
        return "{ " + " ".join(chosen) + " }"

    def _field(self, name: str, field: GraphQLField, depth: int, alias: str) -> str:
        inner = get_named_type(field.type)
        selection = ""
        if isinstance(inner, GraphQLObjectType):
            selection = self._selection(inner, depth - 1)
        elif isinstance(inner, GraphQLUnionType):
            parts = [f"... on {t.name} {self._selection(t, depth - 1)}" for t in inner.types]
            selection = "{ " + " ".join(parts) + " }"
        elif is_composite_type(inner):
            selection = "{ __typename }"
        return f"{alias}{name}{self._arguments(field)} {selection}"

    def _arguments(self, field: GraphQLField) -> str:
        given = [
            f"{name}: {self._value(argument.type)}"
            for name, argument in field.args.items()
            if isinstance(argument.type, GraphQLNonNull) or self._draw(st.booleans())
        ]
        return f"({', '.join(given)})" if given else ""

    def _value(self, kind: GraphQLInputType) -> str:
        if isinstance(kind, GraphQLNonNull):
            return self._value(kind.of_type)
        if self._draw(st.integers(0, 9)) == 0:
            return "null"
        if isinstance(kind, GraphQLList):
            return f"[{', '.join(self._value(kind.of_type) for _ in range(self._draw(st.integers(0, 3))))}]"
        if isinstance(kind, GraphQLInputObjectType):
            inner = [f"{name}: {self._value(field.type)}" for name, field in kind.fields.items()]
            return "{ " + ", ".join(inner) + " }"
        if isinstance(kind, GraphQLEnumType):
            return str(self._draw(st.sampled_from(sorted(kind.values))))
        return self._scalar(kind.name)

    def _scalar(self, name: str) -> str:
        drawn: Mapping[str, st.SearchStrategy[Any]] = {
            "ID": st.sampled_from([*self._ids, *self._ids, "t0", "-1", "x" * 50]),
            "Int": st.sampled_from(NUMBERS) | st.integers(-100, 1100),
            "Float": st.sampled_from(REALS),
            "Boolean": st.booleans(),
        }
        value = self._draw(drawn.get(name, st.sampled_from([*TEXTS, *self._ids]) | st.text(max_size=5)))
        return _literal(value)


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        shown = [c if c.isalnum() and c.isascii() else f"\\u{ord(c):04x}" for c in value if ord(c) < 0xD800]
        return f'"{"".join(shown)}"'
    return repr(value)


@st.composite
def questions(draw: st.DrawFn, schema: GraphQLSchema, ids: Sequence[str]) -> str:
    """A random valid query."""
    return Questions(schema, ids, draw).query()
