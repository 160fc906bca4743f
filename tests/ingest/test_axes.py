"""Axes are settled by the file or by the user, never by a guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.axes import PlaneOrder, settle
from ingest.errors import InputError


def settled(found: str, *shape: int, given: str | None = None, outer: str = "") -> PlaneOrder:
    return settle(found, shape, given=given, outer=outer, place="a.tif")


def refusal(found: str, *shape: int, given: str | None = None, outer: str = "") -> str:
    with pytest.raises(InputError) as caught:
        settled(found, *shape, given=given, outer=outer)
    return str(caught.value)


@pytest.mark.parametrize(
    ("found", "shape", "order"),
    [
        ("YX", (5, 7), PlaneOrder("", ())),
        ("TYX", (3, 5, 7), PlaneOrder("T", (3,))),
        ("TCYX", (3, 2, 5, 7), PlaneOrder("TC", (3, 2))),
        ("CTYX", (2, 3, 5, 7), PlaneOrder("CT", (2, 3))),
        ("TZCYX", (3, 1, 2, 5, 7), PlaneOrder("TC", (3, 2))),
        ("QYXS", (1, 5, 7, 1), PlaneOrder("", ())),
    ],
)
def test_what_the_file_says(found: str, shape: tuple[int, ...], order: PlaneOrder) -> None:
    assert settled(found, *shape) == order


def test_an_image_of_one_row_is_an_image() -> None:
    assert settled("TYX", 3, 1, 7) == PlaneOrder("T", (3,))


@pytest.mark.parametrize(
    ("found", "shape", "given", "order"),
    [
        ("QYX", (3, 5, 7), "TYX", PlaneOrder("T", (3,))),
        ("ZYX", (3, 5, 7), "tyx", PlaneOrder("T", (3,))),
        ("ZCYX", (3, 2, 5, 7), "TCYX", PlaneOrder("TC", (3, 2))),
        ("QQYX", (3, 1, 5, 7), "TYX", PlaneOrder("T", (3,))),
        ("QQYX", (3, 1, 5, 7), "TCYX", PlaneOrder("TC", (3, 1))),
        ("YX", (5, 7), "TCYX", PlaneOrder("TC", (1, 1))),
    ],
)
def test_the_users_word_wins(found: str, shape: tuple[int, ...], given: str, order: PlaneOrder) -> None:
    assert settled(found, *shape, given=given) == order


@pytest.mark.parametrize("found", ["QYX", "IYX"])
def test_unclear_axes_are_a_question_that_names_the_option(found: str) -> None:
    said = refusal(found, 20, 5, 7)
    assert said.startswith("a.tif: the file does not say what its axis of length 20 is")
    assert "--axes TYX" in said
    assert "axes='TYX'" in said


def test_the_question_asks_about_the_unclear_axis() -> None:
    said = refusal("CQYX", 2, 30, 5, 7)
    assert "axis of length 30" in said
    assert "--axes CTYX" in said


def test_the_question_about_one_file_of_many_counts_the_files_too() -> None:
    assert "--axes TCYX" in refusal("QYX", 2, 5, 7, outer="T")


@pytest.mark.parametrize("given", ["YX", "TQYX", "TTYX", "TXY", "TCZYX", "Y", ""])
def test_a_users_word_that_does_not_fit_is_refused(given: str) -> None:
    assert repr(given) in refusal("QYX", 20, 5, 7, given=given)


def test_a_folder_begins_with_its_files() -> None:
    assert settled("QYX", 2, 5, 7, given="TCYX", outer="T") == PlaneOrder("C", (2,))
    assert "begin with T" in refusal("QYX", 2, 5, 7, given="CYX", outer="T")


def test_depth_is_refused() -> None:
    said = refusal("TZYX", 3, 9, 5, 7)
    assert "3-D movie (9 planes of depth)" in said
    assert "project it along Z" in said


@pytest.mark.parametrize("given", [None, "TYX", "TCYX"])
def test_colour_is_refused_whatever_the_user_says(given: str | None) -> None:
    assert "colour images of shape (3, 5, 7, 3)" in refusal("TYXS", 3, 5, 7, 3, given=given)


@given(st.sampled_from(["TC", "CT"]), st.integers(1, 4), st.integers(1, 3))
def test_planes_are_counted_in_the_order_of_the_axes(axes: str, first: int, second: int) -> None:
    order = PlaneOrder(axes, (first, second))
    counted = [dict(zip(axes, (a, b), strict=True)) for a in range(first) for b in range(second)]
    assert [order.plane(at["T"], at["C"]) for at in counted] == list(range(order.planes))
    assert [order.frame(plane) for plane in range(order.planes)] == [at["T"] for at in counted]


def test_a_lone_plane_is_plane_0_of_frame_0() -> None:
    order = PlaneOrder("", ())
    assert (order.planes, order.plane(0, 0), order.frame(0)) == (1, 0, 0)
