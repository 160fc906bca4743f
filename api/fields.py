"""How a GraphQL field says what it is, how long its list may be, and what it costs."""

from collections.abc import Callable

import strawberry
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField


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
    description="What the field itself costs; without it 1.",
)
class Cost:
    """The directive of that name in the GraphQL cost specification."""

    weight: str


def described(
    text: str, *directives: object, name: str | None = None
) -> Callable[[Callable[..., object]], StrawberryField]:
    """Make a resolver a field with this description (CommonMark) and these schema directives."""

    def decorate(resolver: Callable[..., object]) -> StrawberryField:
        return strawberry.field(resolver, description=text, directives=directives, name=name)

    return decorate
