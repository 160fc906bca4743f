"""One bar for several items, the steps' own bars for a single one."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from ingest.progress import each

T = TypeVar("T")


class Heard:
    def __init__(self) -> None:
        self.told: list[str] = []

    def __call__(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        self.told.append(description)
        yield from items


def steps_of(items: list[int]) -> list[str]:
    heard = Heard()
    for item, progress in each(items, "movies", heard):
        assert list(progress(range(item), f"frames of {item}")) == list(range(item))
    return heard.told


def test_several_items_are_told_of_and_the_steps_of_a_single_one() -> None:
    assert steps_of([3, 2]) == ["movies"]
    assert steps_of([3]) == ["frames of 3"]
    assert steps_of([]) == ["movies"]
