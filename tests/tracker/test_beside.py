"""Work beside other work: its value, its error at once, and no more of it than anybody wants."""

import threading
from collections.abc import Iterable

import pytest

from ingest.errors import InputError
from ingest.progress import Progress
from tracker.beside import beside, while_well

LONG_S = 60


def test_its_value_and_all_items() -> None:
    def work(progress: Progress) -> int:
        return sum(progress(range(5), "Adding"))

    with beside(work) as adding:
        assert list(while_well("abc", adding)) == ["a", "b", "c"]
        assert adding.result() == 10


def test_an_error_of_the_work_ends_what_goes_on() -> None:
    seen: list[int] = []

    def work(_: Progress) -> None:
        raise InputError("no such frame")

    def forever() -> Iterable[int]:
        while True:
            yield len(seen)

    with pytest.raises(InputError, match="no such frame"), beside(work) as doomed:
        seen.extend(while_well(forever(), doomed))


@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError("unreadable")])
def test_an_error_of_what_goes_on_ends_the_work(error: BaseException) -> None:
    begun, may_go_on = threading.Event(), threading.Event()
    done = []

    def work(progress: Progress) -> None:
        for item in progress(range(1000), "Working"):
            done.append(item)
            begun.set()
            assert may_go_on.wait(LONG_S)

    def fail() -> None:
        assert begun.wait(LONG_S)
        threading.Timer(0.1, may_go_on.set).start()  # the block has failed by then
        raise error

    with pytest.raises((KeyboardInterrupt, InputError)), beside(work):
        fail()
    assert done == [0]
