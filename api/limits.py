"""How much one query may ask for: measured in one pass, before the query is validated or run.

The pass visits every node of the document once and keeps what it learned of each fragment, so that fragments
which spread others twice, twenty levels deep, cost no more than their text.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from api.fields import Cost, ListSize, Needs
from graph.tokens import Scope
from ingest.errors import CellkinError

T = TypeVar("T")

MAX_PAGE = 1000
"""Most that one page of a connection may hold: the largest `first`."""
UNSTATED_LIST_SIZE = 10
MAX_NESTING = 100
"""Levels of selections and spreads that are walked at all; the depth of fields is bounded far below."""

ASK_FLAT = "ask for a lineage as its flat list of tracks with their parents"


class LimitError(CellkinError):
    """A query that asks for more than one request may."""

    code = "LIMIT_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a query, or a part of it, is with its fragments unfolded.

    Attributes:
        depth: fields within fields.
        fields: all of them.
        aliases: fields under another name.
        cost: values that the answer may hold.
        scope: that the field which needs most of a token needs.
    """

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    cost: int = 0
    scope: Scope = Scope.READ

    def beside(self, other: "Extent") -> "Extent":
        """Both, in one selection."""
        return Extent(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.cost + other.cost,
            max(self.scope, other.scope),
        )


@dataclass(frozen=True)
class Limits:
    """The most that one request may hold.

    Attributes:
        body: bytes of the request; `head`: of its address and headers.
        tokens: of the GraphQL document.
        depth, fields, aliases, cost: as in `Extent`.
        detections: detections that one request may read from the store.
        at_once: requests that are worked on at once; `writes_at_once`: those that are neither GraphQL nor
            a GET, such as uploads.
        waiting, patience: requests that wait for that, and for how many seconds at most.
        seconds: that a GraphQL query may take.
        mutation_seconds: that one may take that changes something.
        file_seconds: until a file begins to arrive.
        write_seconds: until an upload has been taken.
        stalled_s: for which a client may take nothing of its answer.
    """

    body: int = 256 * 1024
    head: int = 32 * 1024
    tokens: int = 4_000
    depth: int = 24
    fields: int = 500
    aliases: int = 100
    cost: int = 250_000
    detections: int = 200_000
    at_once: int = 32
    writes_at_once: int = 8
    waiting: int = 128
    patience: float = 5.0
    seconds: float = 30.0
    mutation_seconds: float = 600.0
    file_seconds: float = 120.0
    write_seconds: float = 3600.0
    stalled_s: float = 60.0

    def check(self, extent: Extent) -> None:
        """Refuse a query that is too large.

        Raises:
            LimitError: names what is too large, how large it is, and what to do.
        """
        for value, limit, unit, remedy in (
            (extent.depth, self.depth, "levels of fields", ASK_FLAT),
            (extent.fields, self.fields, "fields", "split it into several queries"),
            (extent.aliases, self.aliases, "aliases", "split it into several queries"),
            (
                extent.cost,
                self.cost,
                "values in its answer",
                "ask for fewer (first), or take the table by URL",
            ),
        ):
            if value > limit:
                shown = f"{value:,}" if value < 10**12 else "more than 10¹²"
                raise LimitError(f"the query asks for {shown} {unit}, the limit is {limit:,}", remedy=remedy)


def measure(document: DocumentNode, schema: GraphQLSchema, variables: Mapping[str, Any]) -> Extent:
    """The largest extent of the document's operations; it need not be valid.

    Raises:
        LimitError: selections and spreads are nested in more than `MAX_NESTING` levels.
    """
    walk = _Walk(document, schema, variables)
    extents = [
        walk.selections(node.selection_set, schema.get_root_type(node.operation), 0)
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
    ]
    names = Extent.__slots__
    return Extent(*(max(getattr(e, name) for e in extents) for name in names)) if extents else Extent()


class _Walk:
    """One pass over a document, each fragment measured once."""

    def __init__(self, document: DocumentNode, schema: GraphQLSchema, variables: Mapping[str, Any]) -> None:
        self._schema = schema
        self._variables = variables
        self._defaults = _defaults(document)
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._measured: dict[str, Extent] = {}

    def selections(
        self, selection_set: SelectionSetNode | None, parent: GraphQLNamedType | None, nesting: int
    ) -> Extent:
        if nesting > MAX_NESTING:
            raise LimitError(f"the query is nested in more than {MAX_NESTING} levels", remedy=ASK_FLAT)
        total = Extent()
        for node in selection_set.selections if selection_set else ():
            total = total.beside(self._selection(node, parent, nesting + 1))
        return total

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType | None, nesting: int) -> Extent:
        if isinstance(node, FieldNode):
            return self._field(node, parent, nesting)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value, nesting)
        assert isinstance(node, InlineFragmentNode)
        condition = node.type_condition
        on = self._schema.get_type(condition.name.value) if condition else parent
        return self.selections(node.selection_set, on, nesting)

    def _fragment(self, name: str, nesting: int) -> Extent:
        if name not in self._measured:
            self._measured[name] = Extent()  # for a fragment that spreads itself, which validation refuses
            node = self._fragments.get(name)
            if node is not None:
                on = self._schema.get_type(node.type_condition.name.value)
                self._measured[name] = self.selections(node.selection_set, on, nesting)
        return self._measured[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, nesting: int) -> Extent:
        field = self._schema.get_field(parent, node.name.value) if is_composite_type(parent) else None
        inner = self.selections(node.selection_set, get_named_type(field.type) if field else None, nesting)
        size = self._size(node, field) if field else 1
        weight = directive_of(field, Cost) if field else None
        needs = directive_of(field, Needs) if field else None
        return Extent(
            depth=1 + inner.depth,
            fields=1 + inner.fields,
            aliases=(node.alias is not None) + inner.aliases,
            cost=(int(weight.weight) if weight else size) + size * inner.cost,
            scope=max(inner.scope, Scope[needs.scope]) if needs else inner.scope,
        )

    def _size(self, node: FieldNode, field: GraphQLField) -> int:
        """How many items the field may give."""
        rule = directive_of(field, ListSize)
        if rule is not None:
            return next(self._asked_sizes(node, field, rule), rule.assumed_size)
        return UNSTATED_LIST_SIZE if is_list_type(get_nullable_type(field.type)) else 1

    def _asked_sizes(self, node: FieldNode, field: GraphQLField, rule: ListSize) -> Iterator[int]:
        """What the arguments ask for, up to the `MAX_PAGE` that the field itself insists on."""
        for argument in node.arguments or ():
            name = argument.name.value
            if name in (rule.slicing_arguments or ()) and name in field.args:
                names_things = is_list_type(get_nullable_type(field.args[name].type))
                size = _size_of(self._asked(argument.value), names_things=names_things)
                if size is not None:
                    yield int(min(max(size, 0), MAX_PAGE))

    def _asked(self, value: ValueNode) -> object:
        """What an argument is given, as far as its size needs it."""
        if isinstance(value, VariableNode):
            return self._variables.get(value.name.value, self._defaults.get(value.name.value))
        return _literal(value)


def _size_of(given: object, *, names_things: bool) -> float | None:
    """A number, which may come as 1000.0; or how many things a list names, one that is no list being one."""
    if names_things:
        return None if given is None else len(given) if isinstance(given, list) else 1
    if not isinstance(given, int | float) or math.isnan(given):  # a WebSocket lets NaN in
        return None
    return given


def _literal(value: ValueNode | None) -> object:
    """A number, a list as long as the one given, None for null and for nothing; else the node."""
    if isinstance(value, ListValueNode):
        return list(value.values)
    if isinstance(value, IntValueNode):  # Python refuses to read 5000 digits
        return int(value.value) if len(value.value) < 10 else MAX_PAGE
    return None if isinstance(value, NullValueNode) else value


def _defaults(document: DocumentNode) -> dict[str, object]:
    """Default values of variables, the largest where operations disagree."""
    defaults: dict[str, object] = {}
    for node in document.definitions:
        for variable in getattr(node, "variable_definitions", None) or ():
            name, value = variable.variable.name.value, _literal(variable.default_value)
            if value is not None:
                defaults[name] = max(value, defaults.get(name, value), key=_extent_of)
    return defaults


def _extent_of(value: object) -> int:
    return len(value) if isinstance(value, list) else value if isinstance(value, int) else 1


def directive_of(field: GraphQLField, kind: type[T]) -> T | None:
    """The schema directive of that kind on a field, as strawberry keeps it."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    directives = definition.directives if isinstance(definition, StrawberryField) else ()
    return next((directive for directive in directives if isinstance(directive, kind)), None)
