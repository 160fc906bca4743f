"""What a query string says of a table, and what is told to who says it wrongly."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.table_query import EVERYTHING, OPTIONS, TableQuery, table_query
from graph.windows import BEYOND_ALL_FRAMES, Window
from ingest.errors import InputError
from ingest.tracking_graph import LinkKind

KNOWN = tuple(OPTIONS)


def query_of(**given: str) -> TableQuery:
    return table_query(list(given.items()), KNOWN, "/trackings/t1/links.csv")


def test_nothing_asked_is_everything() -> None:
    assert query_of() == EVERYTHING
    assert EVERYTHING.window is None
    assert not EVERYTHING.of_tracks


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("frames", "20-40", (20, 40)),
        ("frames", "7", (7, 7)),
        ("box", "1.5,2,30,40", (1.5, 2.0, 30.0, 40.0)),
        ("box", "-3,-2,30,4e1", (-3.0, -2.0, 30.0, 40.0)),
        ("features", "area, mean_0,area", ("area", "mean_0")),
        ("features", "", ()),
        ("where", "area:50..80.5", (("area", 50.0, 80.5),)),
        ("where", "area:..9, mean_0:-1..", (("area", -math.inf, 9.0), ("mean_0", -1.0, math.inf))),
        ("founders", "true", True),
        ("divides", "False", False),
        ("min_frames", "12", 12),
        ("max_frames", "0", 0),
        ("generation", "3", 3),
        ("begins_in", "0-3", (0, 3)),
        ("ends_in", "4", (4, 4)),
        ("means", "area:50..", (("area", 50.0, math.inf),)),
        ("rises", " mean_0:1.5", ("mean_0", 1.5)),
        ("kinds", "GAP,NEXT", (LinkKind.NEXT, LinkKind.GAP)),
        ("max_probability", "0.25", 0.25),
    ],
)
def test_a_parameter_is_read(name: str, text: str, value: object) -> None:
    assert getattr(query_of(**{name: text}), name) == value


def test_every_option_has_an_example_that_it_reads() -> None:
    for name, option in OPTIONS.items():
        assert getattr(query_of(**{name: option.example}), name) != getattr(EVERYTHING, name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("frames", "40-"),
        ("frames", "-4"),
        ("frames", "4-2"),
        ("frames", "1-2-3"),
        ("frames", "9" * 5000),
        ("frames", "²"),
        ("box", "1,2,3"),
        ("box", "0,0,nan,5"),
        ("box", "0,0,inf,5"),
        ("box", "5,5,5,9"),
        ("where", ""),
        ("where", "area"),
        ("where", "area:50"),
        ("where", ":1..2"),
        ("where", "area:3..2"),
        ("where", "area:nan..2"),
        ("founders", "yes"),
        ("min_frames", "-1"),
        ("min_frames", "0"),
        ("begins_in", "3-2"),
        ("means", "area"),
        ("rises", "mean_0"),
        ("rises", ":2"),
        ("rises", "mean_0:-1"),
        ("rises", "mean_0:nan"),
        ("kinds", ""),
        ("kinds", "DIVISION,MERGE"),
        ("max_probability", "1.01"),
        ("max_probability", "nan"),
    ],
)
def test_a_value_of_another_form_is_refused_with_a_remedy(name: str, text: str) -> None:
    with pytest.raises(InputError) as refused:
        query_of(**{name: text})
    assert refused.value.remedy
    assert len(str(refused.value)) < 400


def test_an_unknown_parameter_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(InputError, match=r"no parameter is called 'frame'.*it takes frames, kinds"):
        table_query([("frame", "1")], ("frames", "kinds"), "/trackings/t1/links.csv")
    with pytest.raises(InputError, match="it takes none"):
        table_query([("frame", "1")], (), "/trackings/t1/ctc.zip")
    with pytest.raises(InputError, match="frames comes twice"):
        table_query([("frames", "1"), ("frames", "2")], KNOWN, "")


def test_a_box_without_frames_is_of_all_frames() -> None:
    window = query_of(box="0,1,5,9").window
    assert window is not None
    assert (window.begin, window.box) == (0, (0.0, 1.0, 5.0, 9.0))
    assert window.end == BEYOND_ALL_FRAMES
    assert query_of(frames="3-8").window == Window(3, 8)


@given(name=st.sampled_from(KNOWN), text=st.text(max_size=30))
def test_whatever_is_given_is_read_or_refused(name: str, text: str) -> None:
    try:
        query = query_of(**{name: text})
    except InputError:
        return
    assert {query: name}[query_of(**{name: text})] == name  # the same question is the same file
