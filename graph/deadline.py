"""How long a request may take: what the store is asked on its behalf ends with it."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ingest.errors import CellkinError

_CURRENT: ContextVar["Deadline | None"] = ContextVar("deadline", default=None)


class TimeLimitError(CellkinError):
    """A request that took longer than it may."""

    code = "TIME_LIMIT"
    exit_code = 6


class Deadline:
    """The time that a request has left, and a name by which the server's transactions are known as its own.

    Args:
        seconds: from now on.

    Attributes:
        seconds: that it has in all; None without limit.
        name: unlike that of any other.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.name = secrets.token_hex(8)
        self._begun = time.monotonic()

    def allow(self, seconds: float | None) -> None:
        """Give it so many seconds in all, counted from its beginning; None for no limit."""
        self.seconds = seconds

    @property
    def left(self) -> float | None:
        """Seconds that are left, 0 when it is over; None without limit."""
        if self.seconds is None:
            return None
        return max(0.0, self._begun + self.seconds - time.monotonic())

    def require_time(self, longest: float) -> float:
        """The seconds that a transaction may take, `longest` at most.

        Raises:
            TimeLimitError: none are left.
        """
        left = self.left
        if left == 0:
            raise self.exceeded()
        return longest if left is None else min(left, longest)

    def exceeded(self) -> TimeLimitError:
        """The error that says so."""
        stated = f", {self.seconds:g} s" if self.seconds is not None else ""
        return TimeLimitError(
            f"the request was not done within its time{stated}",
            remedy="ask for less at once, or for a whole table by URL; try again if the service is busy",
        )


@contextmanager
def within(deadline: Deadline) -> Iterator[Deadline]:
    """What is asked of the store in here, also in threads and tasks that begin in here, ends in that time."""
    before = _CURRENT.set(deadline)
    try:
        yield deadline
    finally:
        _CURRENT.reset(before)


def current_deadline() -> Deadline | None:
    """That of the request on whose behalf this runs; None where there is none."""
    return _CURRENT.get()
