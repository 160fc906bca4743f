"""The schema describes itself, and the committed one is current."""

from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_list_type

from api.fields import ListSize
from api.limits import Limits, directive_of
from api.schema import build_schema, schema_text
from tests.conftest import REPOSITORY


def object_fields() -> list[tuple[str, str, Any]]:
    types = build_schema(Limits())._schema.type_map.values()
    own = [t for t in types if isinstance(t, GraphQLObjectType) and not t.name.startswith("__")]
    return [(t.name, name, field) for t in own for name, field in t.fields.items()]


def test_every_type_and_field_is_described() -> None:
    bare = [f"{owner}.{name}" for owner, name, field in object_fields() if not field.description]
    assert bare == []


def test_every_list_says_how_long_it_may_be() -> None:
    lists = [
        (f"{o}.{n}", f)
        for o, n, f in object_fields()
        if is_list_type(f.type) or is_list_type(getattr(f.type, "of_type", None))
    ]
    assert len(lists) > 10
    assert [name for name, field in lists if directive_of(field, ListSize) is None] == []


def test_ids_are_strings_and_never_integers() -> None:
    ids = [f for _, name, f in object_fields() if name == "id" or name.endswith("Id")]
    assert {get_named_type(field.type).name for field in ids} == {"ID"}


def test_the_committed_schema_is_current() -> None:
    committed = REPOSITORY / "docs/schema.graphql"
    assert committed.read_text() == schema_text(), "write it anew: python -m api.schema > docs/schema.graphql"
