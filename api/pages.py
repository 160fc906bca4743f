"""Pages of a connection, by key: stable while others write, at any depth as fast as the first."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from strawberry.relay import PageInfo

from api.fields import ListSize
from api.limits import MAX_PAGE
from ingest.errors import InputError

DEFAULT_PAGE = 100
PAGED = ListSize(assumed_size=DEFAULT_PAGE, slicing_arguments=["first"])
COUNTED_BY_PAGE = ListSize(assumed_size=1)
"""For the lists inside a connection: the connection's `first` has been reckoned with."""

_ID = r"[0-9]{1,18}"  # the database has 64 bits
_NUMBER = r"-?(?:inf|[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"


@dataclass(frozen=True)
class Page:
    """A part of a list in the order of ids.

    Attributes:
        first: how many, from 1 to `MAX_PAGE`.
        after: the id before the first one; None for the beginning.
    """

    first: int
    after: int | None


@dataclass(frozen=True)
class KeyPage:
    """A part of a list in another order.

    Attributes:
        first: how many, from 1 to `MAX_PAGE`.
        after: what the one before the first is sorted by, and its id; None for the beginning.
    """

    first: int
    after: tuple[float, int] | None


def page_of(first: int, after: str | None) -> Page:
    """The page that a client asks for.

    Raises:
        InputError: `first` is out of range, or `after` is no cursor.
    """
    _require_size(first)
    return Page(first, None if after is None else int(_read(after, rf"id:({_ID})")[1]))


def cursor_of(key: int) -> str:
    """What a client gives back to go on after the thing with this id; opaque to it."""
    return _written(f"id:{key}")


def key_page_of(first: int, after: str | None, order: str) -> KeyPage:
    """The page that a client asks for, of a list in this order.

    Raises:
        InputError: `first` is out of range, or `after` is no cursor of this order.
    """
    _require_size(first)
    if after is None:
        return KeyPage(first, None)
    found = _read(after, rf"{re.escape(order)}:({_NUMBER}):({_ID})")
    return KeyPage(first, (float(found[1]), int(found[2])))


def key_cursor_of(order: str, key: tuple[float, int]) -> str:
    """What a client gives back to go on after the thing with this key in this order; opaque to it."""
    value, thing = key
    return _written(f"{order}:{value!r}:{thing}")


def page_info(page: Page | KeyPage, found: int, cursors: Sequence[str]) -> PageInfo:
    """What a connection says of a page, for which one more was looked for than it holds.

    Args:
        page: what was asked for.
        found: how many there were, one more than asked for at most.
        cursors: of those that are shown.
    """
    return PageInfo(
        has_next_page=found > page.first,
        has_previous_page=page.after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def _require_size(first: int) -> None:
    if not 1 <= first <= MAX_PAGE:
        raise InputError(f"first is {first}", remedy=f"ask for 1 to {MAX_PAGE} at a time")


def _written(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()


def _read(cursor: str, form: str) -> re.Match[str]:
    try:
        text = urlsafe_b64decode(cursor.encode()).decode()
    except ValueError:  # no base64, or no text in it
        text = ""
    found = re.fullmatch(form, text)
    if found is None:
        raise InputError(
            f"{cursor[:80]!r} is no cursor of this list",
            place="after",
            remedy="give back an endCursor as it was given, to the same field in the same order",
        )
    return found
