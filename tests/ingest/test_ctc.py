"""Cell Tracking Challenge folders: read strictly, written whole, the same after both."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from ctc_metrics.scripts.evaluate import evaluate_sequence
from hypothesis import HealthCheck, given, settings

from ingest.errors import CellkinError, InputError, LineageError
from ingest.formats.ctc import (
    CtcSequence,
    read_tracking,
    tracklet_labels,
    write_ground_truth,
    write_result,
)
from ingest.movie import LabelImages
from ingest.tracking_graph import LinkKind, TrackingGraph
from ingest.validate import validate
from tests import lineages
from tests.lineages import Cell, Drawing, drawn
from tests.strategies import lineages as random_lineages


def labels_of(drawing: Drawing) -> LabelImages:
    return LabelImages.from_array(drawing.labels)


def text_of(drawing: Drawing) -> str:
    return "".join(f"{c.label} {c.begin} {c.end} {c.parent}\n" for c in drawing.cells)


def write_by_hand(
    folder: Path, drawing: Drawing, text: str | None = None, *, name: str = "mask{:03}.tif", first: int = 0
) -> Path:
    """A result folder as another program may write it."""
    folder.mkdir(parents=True, exist_ok=True)
    for t, image in enumerate(drawing.labels):
        tifffile.imwrite(folder / name.format(t + first), image.astype(np.uint16), compression="lzw")
    (folder / "res_track.txt").write_text(text_of(drawing) if text is None else text)
    return folder


def check_equal(found: TrackingGraph, expected: TrackingGraph) -> None:
    for column in ("frame", "label", "y", "x"):
        np.testing.assert_allclose(
            getattr(found.detections, column), getattr(expected.detections, column), atol=1e-9
        )
    np.testing.assert_array_equal(found.detections.features["area"], expected.detections.features["area"])
    np.testing.assert_array_equal(found.links, expected.links)
    np.testing.assert_array_equal(found.kind, expected.kind)


def check_same(found: CtcSequence, drawing: Drawing) -> None:
    check_equal(found.graph, drawing.graph)
    np.testing.assert_array_equal(np.stack(list(found.labels)), drawing.labels)


def refusal(folder: Path, kind: type[CellkinError] = LineageError) -> str:
    with pytest.raises(kind) as caught:
        read_tracking(folder)
    assert caught.value.remedy
    return str(caught.value)


@pytest.mark.parametrize("draw", lineages.RIGHT, ids=lambda draw: draw.__name__)
def test_what_others_wrote_is_read_as_drawn(tmp_path: Path, draw: lineages.Draw) -> None:
    check_same(read_tracking(write_by_hand(tmp_path, draw())), draw())


@pytest.mark.parametrize("draw", lineages.RIGHT, ids=lambda draw: draw.__name__)
def test_a_result_is_read_back_as_written(tmp_path: Path, draw: lineages.Draw) -> None:
    write_result(draw().graph, labels_of(draw()), tmp_path / "01_RES")
    check_same(read_tracking(tmp_path / "01_RES"), draw())
    assert (tmp_path / "01_RES" / "res_track.txt").read_text() == text_of(draw())


@pytest.mark.parametrize("inner", ["", "TRA"])
def test_a_ground_truth_is_read_back_from_either_of_its_folders(tmp_path: Path, inner: str) -> None:
    drawing = lineages.generations()
    (tmp_path / "01_GT" / "SEG").mkdir(parents=True)
    write_ground_truth(drawing.graph, labels_of(drawing), tmp_path / "01_GT")
    check_same(read_tracking(tmp_path / "01_GT" / inner), drawing)
    assert (tmp_path / "01_GT" / "TRA" / "man_track007.tif").is_file()
    assert [f.name for f in tmp_path.iterdir()] == ["01_GT"]


_folders = count()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(drawing=random_lineages())
def test_random_lineages_are_read_back_as_written(tmp_path: Path, drawing: Drawing) -> None:
    folder = tmp_path / str(next(_folders))
    write_result(drawing.graph, labels_of(drawing), folder)
    check_same(read_tracking(folder), drawing)


AGAIN = [
    "ctc/PhC-C2DL-PSC/01_GT",
    "ctc/DIC-C2DH-HeLa/01_GT",
    "scored/ctc-eval-sample-03/03_RES",
    "scored/ipsc-02-02/02_RES",
]
REAL = [
    *AGAIN,
    "ctc/Fluo-N2DL-HeLa/01_GT",
    "scored/ctc-eval-sample-03/03_GT",
    "scored/ipsc-02-02/02_GT",
    "scored/Fluo-N2DL-HeLa-01/01_GT",
    "scored/Fluo-N2DL-HeLa-01/01_RES",
]


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_real_trackings_hold_the_lines_of_their_text_files(data_folder: Path, name: str) -> None:
    found = read_tracking(data_folder / name)
    validate(found.graph, found.labels)
    lines = text_file(data_folder / name).read_text().splitlines()
    assert cells_of(found.graph) == {tuple(map(int, line.split())) for line in lines}


@pytest.mark.data
@pytest.mark.parametrize("name", AGAIN)
def test_real_trackings_are_read_back_as_written(data_folder: Path, tmp_path: Path, name: str) -> None:
    found = read_tracking(data_folder / name)
    write_result(found.graph, found.labels, tmp_path / "again")
    again = read_tracking(tmp_path / "again")
    check_equal(again.graph, found.graph)
    for one, other in zip(found.labels, again.labels, strict=True):
        np.testing.assert_array_equal(one, other)


def text_file(folder: Path) -> Path:
    inner = folder / "TRA" / "man_track.txt"
    return inner if inner.is_file() else folder / "res_track.txt"


def cells_of(graph: TrackingGraph) -> set[tuple[int, int, int, int]]:
    """The lines of the text file that a graph stands for."""
    tracklets, label = graph.tracklets, graph.detections.label
    own = label[tracklets.first]
    parents = [int(own[row]) if row >= 0 else 0 for row in tracklets.parent]
    columns = (own.tolist(), tracklets.begin.tolist(), tracklets.end.tolist(), parents)
    return set(zip(*columns, strict=True))


@pytest.mark.data
def test_gaps_and_divisions_into_three_and_four_of_a_real_movie(data_folder: Path) -> None:
    graph = read_tracking(data_folder / "ctc/PhC-C2DL-PSC/01_GT").graph
    assert len(graph.tracklets) == 1222
    assert len(graph.divisions) == 469
    assert np.count_nonzero(graph.kind == LinkKind.GAP) == 16
    mothers = graph.tracks.parent[graph.tracks.parent >= 0]
    assert np.bincount(np.bincount(mothers)).tolist()[2:] == [459, 9, 1]


def test_centroids_and_areas_of_cells_that_touch_and_are_no_boxes(tmp_path: Path) -> None:
    image = np.zeros((5, 8), np.uint16)
    image[1, 2:7] = 3
    image[2:4, 2] = 3
    image[2:4, 3:5] = 9
    tifffile.imwrite(tmp_path / "mask000.tif", image)
    (tmp_path / "res_track.txt").write_text("3 0 0 0\n9 0 0 0\n")
    found = read_tracking(tmp_path).graph.detections
    np.testing.assert_allclose(found.y, [(5 * 1 + 2 + 3) / 7, 2.5])
    np.testing.assert_allclose(found.x, [(2 + 3 + 4 + 5 + 6 + 2 + 2) / 7, 3.5])
    np.testing.assert_array_equal(found.features["area"], [7, 4])


def test_labels_far_above_the_number_of_pixels(tmp_path: Path) -> None:
    image = np.zeros((5, 8), np.int32)
    image[1, 2:4], image[3, 5] = 2**31 - 1, 2**30
    tifffile.imwrite(tmp_path / "mask000.tif", image)
    (tmp_path / "res_track.txt").write_text(f"{2**31 - 1} 0 0 0\n{2**30} 0 0 0\n")
    tracemalloc.start()
    found = read_tracking(tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2**26, "memory follows the pixels, not the labels"
    assert found.graph.detections.label.tolist() == [2**30, 2**31 - 1]
    assert found.graph.detections.x.tolist() == [5, 2.5]
    write_result(found.graph, found.labels, tmp_path / "again")
    assert tifffile.imread(tmp_path / "again" / "mask000.tif").dtype == np.uint32
    check_equal(read_tracking(tmp_path / "again").graph, found.graph)


def test_masks_may_differ_in_type_and_hold_floats_that_are_whole(tmp_path: Path) -> None:
    drawing = lineages.division()
    write_by_hand(tmp_path, drawing)
    for t, dtype in enumerate([np.float32, np.uint8, np.int64]):
        tifffile.imwrite(tmp_path / f"mask{t:03}.tif", drawing.labels[t].astype(dtype))
    check_same(read_tracking(tmp_path), drawing)
    tifffile.imwrite(tmp_path / "mask004.tif", drawing.labels[4] / 2)
    assert "frame 4: labels that are no whole numbers (1.5)" in refusal(tmp_path, InputError)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: "\n" + text.replace("\n", "\n\n"),
        lambda text: text.replace(" ", "\t "),
        lambda text: "\ufeff" + text,
        lambda text: "".join(reversed(text.splitlines(keepends=True))),
    ],
    ids=["windows", "no_last_end", "blank_lines", "tabs", "byte_order_mark", "any_order"],
)
def test_text_files_of_any_hand(tmp_path: Path, change: Callable[[str], str]) -> None:
    drawing = lineages.generations()
    folder = write_by_hand(tmp_path / "Größe", drawing)
    (folder / "res_track.txt").write_bytes(change(text_of(drawing)).encode())
    check_same(read_tracking(folder), drawing)


@pytest.mark.parametrize("name", ["mask{:06}.tif", "mask{:04}.tiff", "mask{}.TIF"])
def test_numbers_of_any_width(tmp_path: Path, name: str) -> None:
    drawing = drawn(12, [Cell(1, 0, 11), Cell(2, 9, 10, y=2)])
    check_same(read_tracking(write_by_hand(tmp_path, drawing, name=name)), drawing)


def test_other_files_in_the_folder_are_no_masks(tmp_path: Path) -> None:
    folder = write_by_hand(tmp_path, lineages.gap())
    tifffile.imwrite(folder / "overview.tif", np.zeros((3, 3), np.uint8))
    (folder / "mask.txt").write_text("notes")
    check_same(read_tracking(folder), lineages.gap())


def test_a_sequence_that_starts_at_150_counts_its_text_from_there(tmp_path: Path) -> None:
    drawing = lineages.generations()
    shifted = [replace(c, begin=c.begin + 150, end=c.end + 150) for c in drawing.cells]
    text = text_of(replace(drawing, cells=tuple(shifted)))
    check_same(read_tracking(write_by_hand(tmp_path, drawing, text, first=150)), drawing)


def test_a_first_mask_that_is_missing_is_told_from_one_that_never_was(tmp_path: Path) -> None:
    folder = write_by_hand(tmp_path, lineages.gap())
    (folder / "mask000.tif").unlink()
    said = refusal(folder)
    assert "label 1 is there from frame 0 to 1, but the masks are mask001.tif to mask004.tif" in said


def test_a_mask_missing_among_others_is_refused(tmp_path: Path) -> None:
    folder = write_by_hand(tmp_path, lineages.empty_frames())
    (folder / "mask003.tif").unlink()
    said = refusal(folder, InputError)
    assert "frames are missing or doubled: mask004.tif follows mask002.tif" in said


def test_every_second_mask_is_refused(tmp_path: Path) -> None:
    folder = write_by_hand(tmp_path, lineages.empty_frames())
    for t in (1, 3, 5):
        (folder / f"mask{t:03}.tif").unlink()
    assert "masks are missing: mask002.tif follows mask000.tif" in refusal(folder, InputError)


def test_two_masks_of_one_number_are_refused(tmp_path: Path) -> None:
    folder = write_by_hand(tmp_path, lineages.gap())
    tifffile.imwrite(folder / "mask2.tif", lineages.gap().labels[3])
    assert "mask002.tif and mask2.tif have the same number" in refusal(folder, InputError)


def test_a_last_mask_that_is_missing_is_refused(tmp_path: Path) -> None:
    folder = write_by_hand(tmp_path, lineages.gap())
    (folder / "mask004.tif").unlink()
    assert "label 2 is there from frame 3 to 4, but the masks are" in refusal(folder)


@pytest.mark.parametrize(
    "line", ["1 0 1", "1 0 1 0 0", "1 0 1.0 0", "one 0 1 0", "1,0,1,0", "1 0 1 0x0", "1 0 1 1_0", "1 0 1 ٣"]
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    folder = write_by_hand(tmp_path, lineages.gap(), f"3 0 4 0\n\n{line}\n")
    said = refusal(folder, InputError)
    assert said.startswith(
        f"{folder / 'res_track.txt'}, line 3: {line!r} where four whole numbers are expected"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 0 1 0\n2 3 4 1\n3 0 4 0\n2 0 0 0\n", "label 2 has two lines"),
        ("1 1 0 0\n2 3 4 1\n3 0 4 0\n", "'1 1 0 0': label 1 ends before it begins"),
        ("1 -1 1 0\n2 3 4 1\n3 0 4 0\n", "'1 -1 1 0': a negative number"),
        ("1 0 1 -3\n2 3 4 1\n3 0 4 0\n", "'1 0 1 -3': a negative number"),
        ("-1 0 1 0\n2 3 4 1\n3 0 4 0\n", "'-1 0 1 0': label -1"),
        ("0 0 1 0\n2 3 4 1\n3 0 4 0\n", "'0 0 1 0': label 0"),
        ("9999999999 0 1 0\n", "label 9999999999; use labels from 1 to 2147483647"),
        ("1 0 1 0\n2 3 4 7\n3 0 4 0\n", "label 2 has the parent 7, which has no line"),
        ("1 0 1 0\n2 3 4 2\n3 0 4 0\n", "label 2 begins at frame 3, but its parent 2 ends at frame 4"),
        ("1 0 1 0\n2 3 4 3\n3 0 4 0\n", "label 2 begins at frame 3, but its parent 3 ends at frame 4"),
        ("1 0 2000000000 0\n2 3 4 1\n3 0 4 0\n", "but its parent 1 ends at frame 2000000000"),
        (
            "1 0 2000000000 0\n2 3 4 0\n3 0 4 0\n",
            "from frame 0 to 2000000000, but the masks are mask000.tif to",
        ),
        (
            "2 3 4 0\n3 0 4 0\n",
            "mask000.tif: label 1 is in the mask, but not in res_track.txt; add the line `1",
        ),
        (
            "1 0 1 0\n2 3 4 1\n3 0 4 0\n8 2 3 0\n",
            "mask002.tif: label 8 is not in the mask, but res_track.txt has",
        ),
        (
            "1 0 0 0\n2 3 4 1\n3 0 4 0\n",
            "mask001.tif: label 1 is in the mask, but res_track.txt has it from fr",
        ),
        (
            "1 0 1 0\n2 2 4 1\n3 0 4 0\n",
            "mask002.tif: label 2 is not in the mask, but res_track.txt has it fr",
        ),
    ],
)
def test_a_text_file_at_odds_with_itself_or_the_masks(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(write_by_hand(tmp_path, lineages.gap(), text))


def test_a_gap_within_a_label_is_told_how_to_be_written(tmp_path: Path) -> None:
    drawing = lineages.one_track()
    drawing.labels[2] = 0
    said = refusal(write_by_hand(tmp_path, drawing))
    assert said.startswith(
        f"{tmp_path / 'mask002.tif'}: label 1 is not in the mask, but res_track.txt has it"
    )
    assert "end 1 at frame 1, and give what comes after the gap a new label with parent 1" in said


def test_a_text_file_that_is_no_text(tmp_path: Path) -> None:
    folder = write_by_hand(tmp_path, lineages.gap())
    (folder / "res_track.txt").write_bytes(b"\xff\xfe1\x00")
    assert "cannot be read as text" in refusal(folder, InputError)


def test_folders_that_are_no_tracking(tmp_path: Path) -> None:
    assert "no such folder" in refusal(tmp_path / "nowhere", InputError)
    assert "no man_track.txt or res_track.txt" in refusal(tmp_path, InputError)
    (tmp_path / "res_track.txt").write_text("1 0 1 0\n")
    assert "no TIFF files" in refusal(tmp_path, InputError)
    tifffile.imwrite(tmp_path / "t000.tif", np.zeros((3, 4), np.uint8))
    assert "no masks named mask000.tif" in refusal(tmp_path, InputError)


def test_masks_in_3d_are_refused(tmp_path: Path) -> None:
    folder = write_by_hand(tmp_path, lineages.gap())
    for t in range(5):
        tifffile.imwrite(folder / f"mask{t:03}.tif", np.zeros((7, 24, 44), np.uint16), metadata=None)
    assert "3-D movie (7 planes of depth)" in refusal(folder, InputError)


def test_a_truncated_mask_names_file_and_frame(tmp_path: Path) -> None:
    folder = write_by_hand(tmp_path, lineages.gap())
    mask = folder / "mask002.tif"
    mask.write_bytes(mask.read_bytes()[:-5])
    assert f"{mask}, frame 2: truncated TIFF" in refusal(folder, InputError)


def per_frame(drawing: Drawing) -> tuple[TrackingGraph, npt.NDArray[np.int32]]:
    """The same tracking on label images whose labels mean nothing from frame to frame."""
    labels, label = drawing.labels.copy(), drawing.graph.detections.label.copy()
    for t, image in enumerate(labels):
        rows = drawing.graph.detections.frame_slice(t)
        old, new = label[rows].copy(), np.arange(1, rows.stop - rows.start + 1) + 5 * t
        for a, b in zip(old, new, strict=True):
            image[drawing.labels[t] == a] = b
        label[rows] = new
    return replace(drawing.graph, detections=replace(drawing.graph.detections, label=label)), labels


def test_labels_of_one_frame_become_labels_of_tracklets(tmp_path: Path) -> None:
    drawing = lineages.generations()
    graph, labels = per_frame(drawing)
    assert tracklet_labels(graph).tolist() == [1, 2, 3, 4, 5, 6]
    write_result(graph, LabelImages.from_array(labels), tmp_path / "01_RES")
    found = read_tracking(tmp_path / "01_RES")
    assert cells_of(found.graph) == {
        (1, 0, 0, 0), (2, 1, 3, 1), (3, 1, 7, 1), (4, 2, 5, 0), (5, 4, 7, 2), (6, 4, 6, 2)
    }  # fmt: skip
    assert links_between_places(found.graph) == links_between_places(graph)
    np.testing.assert_array_equal(found.labels.frame(5) > 0, drawing.labels[5] > 0)


def links_between_places(graph: TrackingGraph) -> set[tuple[float, ...]]:
    """Links as the places of their ends, whatever the order of the rows."""
    d = graph.detections
    place = np.stack([d.frame, d.y, d.x], axis=1)
    columns = np.hstack([place[graph.links[:, 0]], place[graph.links[:, 1]], graph.kind[:, np.newaxis]])
    return set(map(tuple, columns.tolist()))


def test_labels_of_tracklets_are_kept_where_they_are_constant_and_unique() -> None:
    drawing = lineages.generations()
    assert tracklet_labels(drawing.graph).tolist() == [1, 2, 3, 7, 4, 5]
    reused = drawn(4, [Cell(3, 0, 1), Cell(8, 0, 3, x=2)])
    parts = drawn(4, [Cell(3, 0, 1), Cell(8, 0, 3, x=2), Cell(4, 3, 3)])
    label = np.where(parts.graph.detections.label == 4, 3, parts.graph.detections.label)
    graph = replace(parts.graph, detections=replace(parts.graph.detections, label=label))
    assert tracklet_labels(reused.graph).tolist() == [3, 8]
    assert tracklet_labels(graph).tolist() == [1, 2, 3]


@pytest.mark.parametrize("draw", lineages.INVALID, ids=lambda draw: draw.__name__)
def test_what_is_no_lineage_is_not_written(tmp_path: Path, draw: lineages.Draw) -> None:
    with pytest.raises(LineageError):
        write_result(draw().graph, labels_of(draw()), tmp_path / "01_RES")
    assert list(tmp_path.iterdir()) == []


def test_a_graph_longer_than_its_label_images_is_not_written(tmp_path: Path) -> None:
    drawing = lineages.gap()
    with pytest.raises(LineageError, match="detections up to frame 4, but 3 label images"):
        write_result(drawing.graph, LabelImages.from_array(drawing.labels[:3]), tmp_path / "01_RES")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_is_not_touched(tmp_path: Path) -> None:
    drawing = lineages.gap()
    (tmp_path / "empty").mkdir()
    write_result(drawing.graph, labels_of(drawing), tmp_path / "empty")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    for taken in ("mine", "empty", "mine/notes.txt"):
        with pytest.raises(InputError, match="it is there already"):
            write_result(drawing.graph, labels_of(drawing), tmp_path / taken)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"
    with pytest.raises(InputError, match="cannot be written"):
        write_result(drawing.graph, labels_of(drawing), tmp_path / "mine" / "notes.txt" / "01_RES")


def test_numbers_of_written_masks_have_three_digits_or_as_many_as_needed(tmp_path: Path) -> None:
    labels = LabelImages((1001, 2, 3), lambda t: np.zeros((2, 3), np.uint8))
    graph = lineages.no_cells().graph
    write_result(graph, labels, tmp_path / "long")
    assert sorted(f.name for f in (tmp_path / "long").glob("*.tif"))[-1] == "mask1000.tif"
    assert len(read_tracking(tmp_path / "long").labels) == 1001


def test_the_challenges_own_measures_accept_what_was_written(tmp_path: Path) -> None:
    drawing = lineages.generations()
    write_ground_truth(drawing.graph, labels_of(drawing), tmp_path / "01_GT")
    write_result(drawing.graph, labels_of(drawing), tmp_path / "01_RES")
    found = evaluate_sequence(
        str(tmp_path / "01_RES"), str(tmp_path / "01_GT"), ["Valid", "DET", "TRA"], threads=1
    )
    assert (found["Valid"], found["TRA"], found["AOGM_0"]) == (1, 1, 10 * 22 + 1.5 * 20)
