"""Pages of a connection, by key: stable while others write, at any depth as fast as the first."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from api.fields import ListSize
from api.limits import MAX_PAGE
from ingest.errors import InputError

DEFAULT_PAGE = 100
PAGED = ListSize(assumed_size=DEFAULT_PAGE, slicing_arguments=["first"])
COUNTED_BY_PAGE = ListSize(assumed_size=1)
"""For the lists inside a connection: the connection's `first` has been reckoned with."""


@dataclass(frozen=True)
class Page:
    """A part of a list in the order of ids.

    Attributes:
        first: how many, from 1 to `MAX_PAGE`.
        after: the id before the first one; None for the beginning.
    """

    first: int
    after: int | None


def page_of(first: int, after: str | None) -> Page:
    """The page that a client asks for.

    Raises:
        InputError: `first` is out of range, or `after` is no cursor.
    """
    if not 1 <= first <= MAX_PAGE:
        raise InputError(f"first is {first}", remedy=f"ask for 1 to {MAX_PAGE} at a time")
    return Page(first, None if after is None else _id_of(after))


def cursor_of(key: int) -> str:
    """What a client gives back to go on after the thing with this id; opaque to it."""
    return urlsafe_b64encode(f"id:{key}".encode()).decode()


def _id_of(cursor: str) -> int:
    try:
        text = urlsafe_b64decode(cursor.encode()).decode()
    except ValueError:  # no base64, or no text in it
        text = ""
    found = re.fullmatch(r"id:([0-9]{1,18})", text)  # the database has 64 bits
    if found is None:
        raise InputError(
            f"{cursor[:80]!r} is no cursor", place="after", remedy="give back an endCursor as it was given"
        )
    return int(found[1])
