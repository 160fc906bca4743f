"""Queries that ask for too much are refused, quickly, before they are validated or run."""

import asyncio
import time
from typing import Any

import pytest
import strawberry
from graphql import get_introspection_query, parse

from api.fields import Cost, ListSize, resolved
from api.limits import MAX_PAGE, Extent, LimitError, Limits, measure
from api.query_rules import QueryLimits


@strawberry.type
class Cell:
    id: strawberry.ID = strawberry.ID("1")

    @resolved(ListSize(assumed_size=7, slicing_arguments=["first"]))
    def page(self, first: int = 7) -> list["Cell"]:
        """A page."""
        return []

    @resolved(ListSize(assumed_size=7, slicing_arguments=["ids"]))
    def named(self, ids: list[strawberry.ID]) -> list["Cell"]:
        """Those of these ids."""
        return []

    @strawberry.field
    def unstated(self) -> list["Cell"]:
        return []

    @resolved(Cost(weight="500"))
    def dear(self) -> int:
        """Takes its time."""
        return 1

    @resolved(Cost(weight="500"), ListSize(assumed_size=7, slicing_arguments=["first"]))
    def dear_page(self, first: int = 7) -> list["Cell"]:
        """Takes its time, however long the page is."""
        return []

    @strawberry.field
    def mother(self) -> "Cell":
        return self


@strawberry.type
class Query:
    @strawberry.field
    def cell(self) -> Cell:
        return Cell()


SCHEMA = strawberry.Schema(Query)


def extent(query: str, variables: dict[str, Any] | None = None) -> Extent:
    return measure(parse(query), SCHEMA._schema, variables or {})


def fan_out(levels: int) -> str:
    """Each fragment spreads the next one twice."""
    spreads = "".join(f"fragment f{n} on Cell{{...f{n + 1} ...f{n + 1}}}" for n in range(levels))
    return f"{{cell{{...f0}}}}{spreads}fragment f{levels} on Cell{{id}}"


def test_every_part_of_the_extent_is_counted_with_fragments_unfolded() -> None:
    query = """
      query { cell { ...mother ... on Cell { b: mother { ...mother } } } }
      fragment mother on Cell { a: mother { id __typename } }
    """
    assert extent(query) == Extent(depth=4, fields=8, aliases=3, cost=8)


@pytest.mark.parametrize(
    ("selection", "cost"),
    [
        ("page { id }", 7 * 2),
        ("page(first: 30) { id }", 30 * 2),
        ("page(first: 0) { id }", 0),
        ("page(first: -5) { id }", 0),
        ("page(first: 30) { page(first: 4) { id } }", 30 * (1 + 4 * 2)),
        (f"page(first: {'9' * 5000}) {{ id }}", MAX_PAGE * 2),
        ("page(first: $asked) { id }", 13 * 2),
        ("page(first: $usual) { id }", 11 * 2),
        ("page(first: $missing) { id }", 7 * 2),
        ("unstated { id }", 10 * 2),
        ("dear", 500),
        ("dearPage(first: 30) { id }", 500 + 30),
        ("page(first: 30) { dearPage(first: 4) { id } }", 30 * (1 + 500 + 4)),
        ("absent { id }", 2),
    ],
)
def test_a_list_costs_its_size_times_what_each_item_costs(selection: str, cost: int) -> None:
    query = f"query($asked: Int, $usual: Int = 11, $missing: Int) {{ cell {{ {selection} }} }}"
    assert extent(query, {"asked": 13}).cost == 1 + cost


@pytest.mark.parametrize(
    ("selection", "variables", "size"),
    [
        ("page(first: $n) { id }", {"n": 30.0}, 30),
        ("page(first: $n) { id }", {"n": 1e300}, MAX_PAGE),
        ("page(first: $n) { id }", {"n": float("inf")}, MAX_PAGE),  # 1e400, as JSON is read
        ("page(first: $n) { id }", {"n": None}, 7),
        ("page(first: $n) { id }", {"n": float("nan")}, 7),
        ('named(ids: ["1", "2", "3"]) { id }', {}, 3),
        ("named(ids: -5) { id }", {}, 1),  # one thing is a list of one
        ("named(ids: $ids) { id }", {}, 9),
        ("named(ids: $ids) { id }", {"ids": -5}, 1),
        ("named(ids: $ids) { id }", {"ids": ["1"] * 40}, 40),
    ],
)
def test_what_graphql_takes_for_a_number_or_a_list_counts_as_such(
    selection: str, variables: dict[str, Any], size: int
) -> None:
    nine = "[1, 2, 3, 4, 5, 6, 7, 8, 9]"
    query = f"query($n: Int, $ids: [ID!] = {nine}) {{ cell {{ {selection} }} }}"
    assert extent(query, variables).cost == 1 + size * 2


def test_of_several_operations_the_largest_of_each_counts() -> None:
    shallow_and_wide = "query A { cell { a: id b: id c: id } }"
    deep_and_narrow = "query B { cell { mother { mother { id } } } }"
    assert extent(shallow_and_wide + deep_and_narrow) == Extent(depth=4, fields=4, aliases=3, cost=4)


@pytest.mark.parametrize("levels", [20, 90])
def test_nested_double_spreads_are_measured_at_once(levels: int) -> None:
    query = fan_out(levels)
    start = time.perf_counter()
    found = extent(query)
    assert time.perf_counter() - start < 0.05
    assert found.fields == 2**levels + 1


@pytest.mark.parametrize(
    "query",
    [
        "{cell{...a}} fragment a on Cell{...b id} fragment b on Cell{...a id}",
        "{cell{...nowhere}}",
        "{cell{...a}} fragment a on Nothing{id}",
        "mutation{cell{id}}",
        "fragment a on Cell{id}",
    ],
)
def test_an_invalid_document_is_measured_all_the_same(query: str) -> None:
    assert extent(query).fields <= 4


def test_spreads_nested_too_deep_to_walk_are_refused() -> None:
    with pytest.raises(LimitError, match="100 levels"):
        extent(fan_out(150))


def test_the_introspection_of_graphiql_is_within_the_limits() -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True
    )
    Limits().check(extent(query))


def test_an_introspection_that_multiplies_is_not() -> None:
    query = "{__schema{types" + "{fields{type" * 7 + "{name}" + "}}" * 7 + "}}"
    with pytest.raises(LimitError, match="values"):
        Limits().check(extent(query))


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (Extent(depth=25), "25 levels"),
        (Extent(fields=1501), "1,501 fields"),
        (Extent(aliases=101), "101 aliases"),
        (Extent(cost=3_000_000), "3,000,000 values"),
        (Extent(cost=10**400), "more than 10¹² values"),
    ],
)
def test_a_refusal_says_what_is_too_large_and_what_to_do(found: Extent, problem: str) -> None:
    with pytest.raises(LimitError, match=problem) as caught:
        Limits().check(found)
    assert caught.value.remedy


def test_what_is_just_within_the_limits_passes() -> None:
    limits = Limits(depth=3, fields=5, aliases=2, cost=70)
    limits.check(Extent(depth=3, fields=5, aliases=2, cost=70))


def run(query: str) -> tuple[float, strawberry.types.ExecutionResult]:
    """Seconds of processor time, and the result of a query under the usual limits."""
    schema = strawberry.Schema(Query, extensions=[lambda: QueryLimits(Limits())])
    start = time.thread_time()  # others may have the processor meanwhile
    result = asyncio.run(schema.execute(query))
    return time.thread_time() - start, result


def test_the_nested_fragments_of_753_bytes_are_refused_within_50_ms() -> None:
    query = fan_out(20).ljust(753)
    seconds, result = min((run(query) for _ in range(3)), key=lambda one: one[0])
    assert seconds < 0.05
    assert result.data is None
    assert [type(error.original_error) for error in result.errors or ()] == [LimitError]


def test_a_document_of_too_many_tokens_is_not_even_parsed() -> None:
    seconds, result = run("{cell{" + "id " * 100_000 + "}}")
    assert seconds < 0.5
    assert "more than 4000 tokens" in str(result.errors)


def test_a_query_within_the_limits_runs() -> None:
    _, result = run("{ cell { mother { id } } }")
    assert result.errors is None
    assert result.data == {"cell": {"mother": {"id": "1"}}}
