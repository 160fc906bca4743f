"""How a step tells the world how far it is and what it noticed, without knowing who listens."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Wraps an iterable as it is consumed: `for t in progress(frames, "Segmenting"): ...`."""

    def __call__(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Yield every item of `items`; `total` is their number where `len(items)` cannot tell."""
        ...


def silent(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Report nothing: the default of every function that takes a `Progress`."""
    del description, total
    return iter(items)


def each(items: Sequence[T], description: str, progress: Progress) -> Iterator[tuple[T, Progress]]:
    """Each item, and who to tell of the steps with it: of the items alone where there are several."""
    if len(items) == 1:
        yield items[0], progress
        return
    for item in progress(items, description):
        yield item, silent


Note = Callable[[str], None]
"""Told, in a sentence, of what a user should know and need not mend."""


def unheard(text: str) -> None:
    """Tell nobody: the default of every function that takes a `Note`."""
    del text
