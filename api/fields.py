"""How GraphQL types and fields say what they are, how long a list may be, and what it costs.

A docstring is the description in the schema, so that what a developer reads is what a user reads.
"""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast, dataclass_transform

import strawberry
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

T = TypeVar("T")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How many items cost reckons with: an argument of `slicingArguments`, else `assumedSize`.",
)
class ListSize:
    """The directive of that name in the GraphQL cost specification."""

    assumed_size: int
    slicing_arguments: list[str] | None = strawberry.UNSET


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="cost",
    description="What the field itself costs, however long its list is; without it 1 an item.",
)
class Cost:
    """The directive of that name in the GraphQL cost specification."""

    weight: str


def value(
    description: str, *directives: object, name: str | None = None, deprecated: str | None = None
) -> Any:  # noqa: ANN401 - the type is the attribute's
    """A field that is an attribute.

    Args:
        description: in CommonMark, with the unit.
        directives: `ListSize` and `Cost`.
        name: in the schema, where it is not the attribute's in camel case.
        deprecated: `since 0.2, goes in 0.4: use …` where it is (docs/graphql.md).
    """
    return strawberry.field(
        description=description, directives=directives, name=name, deprecation_reason=deprecated
    )


@dataclass_transform(kw_only_default=True, field_specifiers=(value,))
def described(cls: type[T]) -> type[T]:
    """Make a class an object type that its docstring describes."""
    return strawberry.type(cls, description=inspect.getdoc(cls))


def from_record(cls: type[T], record: object, /, **more: object) -> T:
    """An object of a GraphQL type: attributes of the record by their names, and `more`."""
    names = {field.name for field in dataclasses.fields(cast("Any", cls)) if field.init} - more.keys()
    return cls(**{name: getattr(record, name) for name in names if hasattr(record, name)}, **more)


def resolved(
    *directives: object, deprecated: str | None = None
) -> Callable[[Callable[..., object]], StrawberryField]:
    """Make a method a field that its docstring describes.

    Args:
        directives: `ListSize` and `Cost`.
        deprecated: `since 0.2, goes in 0.4: use …` where it is (docs/graphql.md).
    """

    def decorate(method: Callable[..., object]) -> StrawberryField:
        return strawberry.field(
            method, description=inspect.getdoc(method), directives=directives, deprecation_reason=deprecated
        )

    return decorate
