"""DeepCell's .trk and .trks files: read as drawn, written and read back the same, contradictions refused."""

import json
import tarfile
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings

from ingest.errors import CellkinError, InputError, LineageError
from ingest.formats.trk import TrkTracking, is_trk, open_only_trk, open_trk, read_trk
from ingest.formats.trk_writer import write_trk
from ingest.tracking_graph import LinkKind, TrackingGraph
from ingest.validate import validate
from tests import lineages
from tests.ingest.trk_files import (
    Lineage,
    lineage_of,
    npy,
    pack,
    parts,
    raw_of,
    tracking_of,
    trk_of,
    trks_of,
)
from tests.lineages import Cell, Drawing, drawn
from tests.strategies import lineages as random_lineages

WITHOUT_GAPS = [
    draw for draw in lineages.RIGHT if not (draw().graph.kind == LinkKind.GAP).any() and draw().cells
]


def check_equal(found: TrackingGraph, expected: TrackingGraph) -> None:
    for column in ("frame", "label", "y", "x"):
        np.testing.assert_allclose(
            getattr(found.detections, column), getattr(expected.detections, column), atol=1e-9
        )
    np.testing.assert_array_equal(found.detections.features["area"], expected.detections.features["area"])
    np.testing.assert_array_equal(found.links, expected.links)
    np.testing.assert_array_equal(found.kind, expected.kind)


def check_same(found: TrkTracking, drawing: Drawing) -> None:
    check_equal(found.graph, drawing.graph)
    np.testing.assert_array_equal(np.stack(list(found.labels)), drawing.labels)
    expected = np.moveaxis(raw_of(drawing), -1, 1)
    np.testing.assert_array_equal(np.stack([found.movie.frame(t) for t in range(len(found.movie))]), expected)
    validate(found.graph, found.labels)


def refusal(path: Path, kind: type[CellkinError] = LineageError) -> str:
    with pytest.raises(kind) as caught:
        read_trk(path)
    assert caught.value.remedy
    assert str(path) in caught.value.place
    return str(caught.value)


@pytest.mark.parametrize("draw", WITHOUT_GAPS, ids=lambda draw: draw.__name__)
def test_what_others_wrote_is_read_as_drawn(tmp_path: Path, draw: lineages.Draw) -> None:
    notes: list[str] = []
    (found,) = read_trk(trk_of(tmp_path / "cells.trk", draw()), note=notes.append)
    check_same(found, draw())
    assert (found.movie.name, found.movie.source) == ("cells", str(tmp_path / "cells.trk"))
    assert notes == []


# 1-1 . . 1
def returning_cell() -> Drawing:
    drawing = drawn(5, [Cell(1, 0, 1), Cell(2, 4, 4, parent=1)])
    return replace(drawing, labels=np.minimum(drawing.labels, 1))


def test_a_label_that_comes_back_is_the_same_cell_after_a_gap(tmp_path: Path) -> None:
    lineage = {"1": {"label": 1, "frames": [0, 1, 4], "daughters": [], "parent": None}}
    path = trk_of(tmp_path / "a.trk", returning_cell(), lineage=json.dumps(lineage).encode())
    (found,) = read_trk(path)
    assert found.graph.links.tolist() == [[0, 1], [1, 2]]
    assert found.graph.kind.tolist() == [LinkKind.NEXT, LinkKind.GAP]


def test_a_daughter_may_be_seen_late_and_alone(tmp_path: Path) -> None:
    drawing = drawn(5, [Cell(1, 0, 1), Cell(2, 4, 4, parent=1)])
    (found,) = read_trk(trk_of(tmp_path / "a.trk", drawing))
    assert found.graph.kind.tolist() == [LinkKind.NEXT, LinkKind.DIVISION]


def test_a_trks_file_is_a_movie_a_batch_without_its_padding(tmp_path: Path) -> None:
    drawings = [draw() for draw in WITHOUT_GAPS]
    assert len({len(drawing.labels) for drawing in drawings}) > 2
    path = trks_of(tmp_path / "Set.TRKS", drawings)
    found = read_trk(path)
    assert [one.movie.name for one in found] == [f"Set#{index}" for index in range(len(drawings))]
    for one, drawing in zip(found, drawings, strict=True):
        check_same(one, drawing)
    (second,) = read_trk(f"{path}#2", name="mine", pixel_size=0.65, minutes_per_frame=6)
    check_same(second, drawings[2])
    assert second.movie.source == f"{path}#2"
    assert (second.movie.name, second.movie.pixel_size, second.movie.minutes_per_frame) == ("mine#2", 0.65, 6)
    assert len({one.movie.fingerprint() for one in found}) == len(drawings)


def test_a_movie_of_a_file_is_named_by_number(tmp_path: Path) -> None:
    path = trks_of(tmp_path / "a.trks", [lineages.division(), lineages.generations()])
    with pytest.raises(InputError, match=r"no movie 2 among 2.*#0 to a.trks#1"):
        open_trk(f"{path}#2")
    with pytest.raises(InputError, match=r"2 movies, where one is needed.*#0 to a.trks#1"):
        open_only_trk(path)
    assert len(open_only_trk(f"{path}#1").movie) == 8
    odd = trk_of(tmp_path / "a.trk#7", lineages.division())  # a file of this very name
    assert is_trk(odd) is False
    assert [is_trk(name) for name in ("a.trk", "b.TRKS", "c.trks#12", "d.tif", "e.trk.d", "#1")] == [
        *[True] * 3,
        *[False] * 3,
    ]


def test_frames_without_cells_are_kept_where_there_is_an_image(tmp_path: Path) -> None:
    drawing = drawn(6, [Cell(1, 0, 2)])
    raw = raw_of(drawing)
    raw[5:] = 0
    (found,) = read_trk(trk_of(tmp_path / "a.trk", drawing, raw=npy(raw)))
    assert len(found.movie) == len(found.labels) == 5


def test_a_file_of_empty_frames_is_refused(tmp_path: Path) -> None:
    drawing = lineages.no_cells()
    path = trk_of(tmp_path / "a.trk", drawing, raw=npy(0 * raw_of(drawing)))
    assert "empty frames" in refusal(path, InputError)


AS = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


@pytest.mark.parametrize(
    ("raw", "tracked"),
    [
        (lambda a: a.astype(">f8"), lambda a: a.astype(">i8")),
        (np.asfortranarray, np.asfortranarray),
        (lambda a: a.astype(np.uint16), lambda a: a.astype(np.float32)),
        (lambda a: a[..., 1:], lambda a: a[..., 0].astype(np.uint8)),
    ],
    ids=["big-endian", "columns", "uint16 and float", "one channel, no axis"],
)
def test_arrays_of_any_kind_are_read(tmp_path: Path, raw: AS, tracked: AS) -> None:
    drawing = lineages.generations()
    pixels = raw(raw_of(drawing))
    path = trk_of(
        tmp_path / "a.trk", drawing, raw=npy(pixels), tracked=npy(tracked(drawing.labels[..., np.newaxis]))
    )
    (found,) = read_trk(path)
    check_equal(found.graph, drawing.graph)
    assert found.movie.dtype.isnative
    assert found.movie.frame(3).dtype == found.movie.dtype
    np.testing.assert_array_equal(found.movie.frame(3), np.moveaxis(pixels, -1, 1)[3])
    cells = found.graph.detections
    row = cells.frame_slice(6).start
    inside = drawing.labels[6] == cells.label[row]
    assert cells.features["mean_0"][row] == pytest.approx(pixels[6, ..., 0][inside].mean(), rel=1e-5)


def test_a_plain_tar_of_dotted_names_is_read(tmp_path: Path) -> None:
    drawing = lineages.division()
    members = {f"./{name}": content for name, content in parts(drawing).items()}
    (found,) = read_trk(pack(tmp_path / "a.trk", members, "w"))
    check_same(found, drawing)


def test_a_large_file_is_not_held_in_memory(tmp_path: Path) -> None:
    frames, labels = np.ones((40, 512, 520, 1), np.float32), np.zeros((40, 512, 520), np.int16)
    labels[:, 7:19, 30:33] = 4
    path = pack(
        tmp_path / "a.trk",
        {"lineage.json": b'{"4": {"frames": []}}', "raw.npy": npy(frames), "tracked.npy": npy(labels)},
        "w",
    )
    tracemalloc.start()
    try:
        (found,) = open_trk(path)
        assert found.movie.frame(39).sum() == 512 * 520
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6e6
    assert frames.nbytes > 42e6


def changed(**entries: dict[str, Any] | None) -> Lineage:
    """The lineage of `division` with other entries: `_2={"parent": None}`, `_3=None` for none."""
    lineage = lineage_of(lineages.division())
    for key, entry in entries.items():
        label = key.removeprefix("_")
        if entry is None:
            del lineage[label]
        else:
            lineage[label] = lineage.get(label, {}) | entry
    return lineage


def with_lineage(path: Path, lineage: object) -> Path:
    return trk_of(path, lineages.division(), lineage=json.dumps(lineage).encode())


@pytest.mark.parametrize(
    ("lineage", "said"),
    [
        (changed(_1={"daughters": [2]}, _3=None), "label 3 is in the masks, but not in the lineage"),
        (changed(_1={"daughters": [2, 3, 9]}), "label 1 has the daughter 9, which is no cell"),
        (changed(_1={"daughters": [2, 3, 0]}), "label 1 has the daughter 0, which is no cell"),
        (changed(_1={"daughters": [2]}, _3={"parent": 8}), "label 3 has the parent 8, which is no cell"),
        (changed(_1={"daughters": [2]}), "label 3 is a daughter of 1 by one entry"),
        (changed(_3={"parent": None}), "its parent is null"),
        (changed(_3={"parent": 2}), "the daughters of 2 are []"),
        (changed(_2={"label": 5}), "label 5"),
        (
            changed(_1={"daughters": [2, 3, 9]}, _9={"frames": [3], "parent": 1}),
            "label 9 is in no mask, but is parent or daughter",
        ),
        (
            {"1": {"frames": [0]}, "2": {"frames": [3]}, "3": {"frames": [3], "daughters": [2]}},
            "label 2 begins in frame 3, but its parent 3 is there until frame 4",
        ),
        ({"1": {"parent": 1}, "2": {}, "3": {}}, "label 1 begins in frame 0, but its parent 1"),
        (
            {"1": {"daughters": [3]}, "2": {"daughters": [3]}, "3": {}},
            "label 1 has it as a daughter too",
        ),
    ],
)
def test_a_lineage_that_contradicts_is_refused(tmp_path: Path, lineage: Lineage, said: str) -> None:
    assert said in refusal(with_lineage(tmp_path / "a.trk", lineage))


@pytest.mark.parametrize(
    ("lineage", "said"),
    [
        (7, "7 for a lineage"),
        ([], "0 lineages for 1 movies"),
        ([{}, {}], "2 lineages for 1 movies"),
        ({"cell": {}}, "an entry 'cell'"),
        ({"0": {}}, "an entry '0'"),
        ({"01": {}}, "an entry '01'"),
        ({"4294967296": {}}, "an entry '4294967296'"),
        ({"1": [0, 1]}, "a list of 2 for an entry"),
        (changed(_1={"frames": {"0": 1}}), "an object of 1 for frames"),
        (changed(_1={"frames": [0, 1.5]}), "1.5 in frames"),
        (changed(_1={"frames": [True]}), "True in frames"),
        (changed(_1={"frames": [-1]}), "-1 in frames"),
        (changed(_1={"daughters": "2, 3"}), "'2, 3' for daughters"),
        (changed(_1={"parent": "x" * 90}), f"'{'x' * 39}… in parent"),
        (changed(_1={"parent": 10**30}), "in parent"),
    ],
)
def test_what_is_no_lineage_is_refused(tmp_path: Path, lineage: object, said: str) -> None:
    assert said in refusal(with_lineage(tmp_path / "a.trk", lineage), InputError)


@pytest.mark.parametrize(
    "lineage",
    [
        [lineage_of(lineages.division())],
        {"1": {"daughters": [3, 2, 3]}, "2": {}, "3": {}},
        {"1": {}, "2": {"parent": 1}, "3": {"parent": 1, "daughters": None}},
        changed(_1={"parent": 0}),
    ],
    ids=["a list of one", "daughters only", "parents only", "parent 0"],
)
def test_what_is_said_once_is_enough(tmp_path: Path, lineage: object) -> None:
    (found,) = read_trk(with_lineage(tmp_path / "a.trk", lineage))
    check_same(found, lineages.division())


@pytest.mark.parametrize(
    ("lineage", "said"),
    [
        (changed(_2={"frames": [3, 4]}), "label 2 is seen in frame 5"),
        (changed(_3={"frames": [1, 2, 3, 4]}), "label 3 is not seen in frame 1 and 1 more"),
        (
            changed(_2={"frames": []}, _3={"frames": [3, 9]}),
            "label 2 is seen in frame 3 and 2 more; other labels that differ: 1",
        ),
        (changed(_3={"frames": [3, 9]}), "label 3 is seen in frame 4, not seen in frame 9"),
        (changed(_8={"frames": [1, 2]}), "label 8 is not seen in frame 1 and 1 more"),
    ],
)
def test_the_masks_count_where_frames_differ_and_it_is_told(
    tmp_path: Path, lineage: Lineage, said: str
) -> None:
    notes: list[str] = []
    (found,) = read_trk(with_lineage(tmp_path / "a.trk", lineage), note=notes.append)
    check_same(found, lineages.division())
    (note,) = notes
    assert said in note
    assert str(tmp_path / "a.trk") in note


def test_an_entry_of_nothing_is_passed_over(tmp_path: Path) -> None:
    notes: list[str] = []
    entry = {"label": 8, "frames": [], "daughters": [], "parent": None, "capped": False, "frame_div": None}
    (found,) = read_trk(with_lineage(tmp_path / "a.trk", changed(_8=entry)), note=notes.append)
    check_same(found, lineages.division())
    assert notes == []


@pytest.mark.parametrize(
    ("raw", "tracked", "said"),
    [
        ((6, 24, 44), (6, 24, 44), r"raw data of shape \(6, 24, 44\)"),
        ((6, 24, 44, 2), (5, 24, 44, 1), "masks of shape"),
        ((6, 24, 44, 2), (6, 24, 44, 2), "masks of shape"),
        ((6, 24, 44, 1), (6, 44, 24, 1), "masks of shape"),
        ((2, 6, 24, 44, 1), (2, 6, 24, 44, 1), "1 lineages for 2 movies"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, raw: tuple[int, ...], tracked: tuple[int, ...], said: str
) -> None:
    path = trk_of(
        tmp_path / "a.trk",
        lineages.division(),
        raw=npy(np.ones(raw, np.float32)),
        tracked=npy(np.ones(tracked, np.int32)),
    )
    with pytest.raises(InputError, match=said):
        read_trk(path)


@pytest.mark.parametrize(
    ("value", "said"), [(-3, "label -3"), (2**33, "label 8589934592"), (0.5, "no whole numbers")]
)
def test_masks_that_are_no_labels_are_refused(tmp_path: Path, value: float, said: str) -> None:
    masks = lineages.division().labels.astype(np.float64 if value == 0.5 else np.int64)
    masks[4, 0, 0] = value
    said_in = refusal(trk_of(tmp_path / "a.trk", lineages.division(), tracked=npy(masks)), InputError)
    assert said in said_in
    assert "frame 4" in said_in


def test_one_bad_movie_is_named_among_good_ones(tmp_path: Path) -> None:
    late = drawn(4, [Cell(1, 0, 2), Cell(2, 2, 3, parent=1, x=4)])
    path = trks_of(tmp_path / "a.trks", [lineages.division(), late])
    with pytest.raises(LineageError, match=r"a\.trks#1: label 2 begins in frame 2, but its parent 1"):
        read_trk(path)
    assert len(read_trk(f"{path}#0")) == 1


@pytest.mark.parametrize("draw", lineages.RIGHT, ids=lambda draw: draw.__name__)
def test_a_file_is_read_back_as_written(tmp_path: Path, draw: lineages.Draw) -> None:
    write_trk([tracking_of(draw())], tmp_path / "a.trk")
    (found,) = read_trk(tmp_path / "a.trk", note=pytest.fail)
    np.testing.assert_array_equal(found.graph.links, draw().graph.links)
    np.testing.assert_array_equal(found.graph.kind, draw().graph.kind)
    assert [file.name for file in tmp_path.iterdir()] == ["a.trk"]


def links_by_place(graph: TrackingGraph) -> set[tuple[float, ...]]:
    """Kind, and frame, y and x of both ends, of each link: what new labels leave as it was."""
    cells = graph.detections
    places = np.stack([cells.frame, cells.y, cells.x], axis=1)[graph.links].reshape(-1, 6)  # (links, 6)
    return {(kind, *place) for kind, place in zip(graph.kind.tolist(), places.round(6).tolist(), strict=True)}


_files = count()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(one=random_lineages(), other=random_lineages())
def test_random_lineages_are_read_back_as_written(tmp_path: Path, one: Drawing, other: Drawing) -> None:
    path = tmp_path / f"{next(_files)}.trks"
    write_trk([tracking_of(one), tracking_of(other)], path)
    for found, drawing in zip(read_trk(path, note=pytest.fail), (one, other), strict=True):
        assert links_by_place(found.graph) == links_by_place(drawing.graph)
        np.testing.assert_array_equal(np.stack(list(found.labels)) > 0, drawing.labels > 0)


def test_the_writer_says_what_other_programs_read(tmp_path: Path) -> None:
    write_trk([tracking_of(lineages.division())], tmp_path / "a.trk")
    with tarfile.open(tmp_path / "a.trk", "r:gz") as tar:
        stream = tar.extractfile("lineage.json")
        assert stream is not None
        assert json.load(stream) == lineage_of(lineages.division())


def test_the_writer_refuses_what_does_not_fit(tmp_path: Path) -> None:
    one = tracking_of(lineages.division())
    narrow = replace(one.movie, shape=(6, 2, 24, 40))
    for trackings, name in (
        ([one, one], "a.trk"),
        ([], "a.trks"),
        ([one], "a.tar"),
        ([one, replace(one, movie=narrow)], "a.trks"),
        ([replace(one, labels=tracking_of(lineages.generations()).labels)], "a.trk"),
        ([one], "missing/a.trk"),
    ):
        with pytest.raises(InputError):
            write_trk(trackings, tmp_path / name)
        assert list(tmp_path.iterdir()) == []
    write_trk([one], tmp_path / "a.trk")
    with pytest.raises(InputError, match="there already"):
        write_trk([one], tmp_path / "a.trk")
