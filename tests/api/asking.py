"""Random queries that the schema allows: every field, with arguments of the right type and any value."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)
from graphql.language.print_string import print_string
from hypothesis import strategies as st

DEPTH = 7
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
"""Words that mean something to some field, and words that should mean nothing to any."""
NUMBERS = st.one_of(
    st.integers(-1, 12), st.integers(-100, 1100), st.sampled_from([0, 1000, 1001, 2**31 - 1, -(2**31)])
)
DECIMALS = st.one_of(
    st.integers(-3, 40).map(float),
    st.sampled_from([-1e308, 0.5, 0.9, 1e-300, 1e308]),
    st.floats(allow_nan=False, allow_infinity=False),
)


@st.composite
def queries(draw: st.DrawFn, schema: GraphQLSchema, ids: Sequence[str], words: Sequence[str]) -> str:
    """A query.

    Args:
        draw: of hypothesis.
        schema: what may be asked.
        ids: for arguments of type ID, beside some that are none.
        words: for arguments of type String, such as features and cursors, or `TEXTS`.
    """
    assert schema.query_type is not None
    selection = _Asking(draw, ids, words).selection(schema.query_type, DEPTH)
    if draw(st.integers(0, 5)) == 0:
        return f"query Drawn {{ ...root ...root }} fragment root on {schema.query_type.name} {selection}"
    return f"query Drawn {selection}"


DROPPED = "ignore:coroutine '.*' was never awaited:RuntimeWarning"
"""Of a field beside one that failed, graphql-core may drop the coroutine before it has begun; see `swept`."""


class _Asking:
    def __init__(self, draw: st.DrawFn, ids: Sequence[str], words: Sequence[str]) -> None:
        self._draw = draw
        self._scalars: Mapping[str, st.SearchStrategy[str]] = {
            "ID": st.sampled_from([*ids, *ids, "", "x", "t0", "-1", "12345", "9" * 40]).map(print_string),
            "String": st.one_of(st.sampled_from(list(words)), st.text(max_size=5)).map(print_string),
            "Int": NUMBERS.map(str),
            "Float": DECIMALS.map(repr),
            "Boolean": st.sampled_from(["true", "false"]),
        }

    def selection(self, parent: GraphQLObjectType, depth: int) -> str:
        """Some fields of a type, deep ones as long as there is depth."""
        leaves = {n: f for n, f in parent.fields.items() if not _is_object(f)}
        fields = parent.fields if depth > 1 else leaves or {"__typename": None}
        chosen = self._draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=3, unique=True))
        aliased = self._draw(st.integers(0, 3)) == 0
        parts = [
            (f"a{number}: " if aliased else "")
            + (name if name == "__typename" else self._field(name, parent.fields[name], depth))
            for number, name in enumerate(chosen)
        ]
        return "{ " + " ".join(parts) + " }"

    def _field(self, name: str, field: GraphQLField, depth: int) -> str:
        type_ = get_named_type(field.type)
        inner = self.selection(type_, depth - 1) if isinstance(type_, GraphQLObjectType) else ""
        given = self._given(field.args)
        return f"{name}({given}){inner}" if given else f"{name}{inner}"

    def _given(self, slots: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField]) -> str:
        """Values for what must be given, and for some of what may be."""
        needed = [name for name, slot in slots.items() if _is_required(slot)]
        optional = sorted(slots.keys() - needed)
        more = self._draw(st.lists(st.sampled_from(optional), max_size=4, unique=True)) if optional else []
        return ", ".join(f"{name}: {self._value(slots[name].type)}" for name in [*needed, *more])

    def _value(self, type_: Any) -> str:
        if not is_non_null_type(type_) and self._draw(st.integers(0, 9)) == 0:
            return "null"
        type_ = get_nullable_type(type_)
        if is_list_type(type_):
            return (
                "["
                + ", ".join(self._value(type_.of_type) for _ in range(self._draw(st.integers(0, 3))))
                + "]"
            )
        if isinstance(type_, GraphQLEnumType):
            return str(self._draw(st.sampled_from(sorted(type_.values))))
        if isinstance(type_, GraphQLInputObjectType):
            return "{" + self._given(type_.fields) + "}"
        return self._draw(self._scalars[type_.name])


def _is_object(field: GraphQLField) -> bool:
    return isinstance(get_named_type(field.type), GraphQLObjectType)


def _is_required(slot: GraphQLArgument | GraphQLInputField) -> bool:
    return is_required_argument(slot) if isinstance(slot, GraphQLArgument) else is_required_input_field(slot)
