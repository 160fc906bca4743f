from pathlib import Path

import numpy as np
import pytest

from api.plot import largest_lineages, plot_lineages, save, tree_rows
from ingest.errors import InputError
from tests import lineages


def test_the_largest_lineage_comes_first_and_one_is_always_drawn() -> None:
    tracks = lineages.generations().graph.tracks
    sizes = np.bincount(tracks.founder, minlength=len(tracks))
    chosen = largest_lineages(tracks)
    assert sizes[chosen].tolist() == sorted(sizes[sizes > 0].tolist(), reverse=True)
    assert largest_lineages(tracks, leaves=0).tolist() == [int(sizes.argmax())]


def test_leaves_have_a_row_each_and_a_mother_stands_between_her_daughters() -> None:
    tracks = lineages.division_into_three().graph.tracks
    (founder,) = np.flatnonzero(tracks.parent < 0)
    place = tree_rows(tracks, np.array([founder]))
    daughters = np.flatnonzero(tracks.parent == founder)
    assert sorted(place[daughters]) == [0, 1, 2]
    assert place[founder] == 1


def test_other_lineages_are_left_out() -> None:
    tracks = lineages.generations().graph.tracks
    first = largest_lineages(tracks, leaves=0)
    assert np.array_equal(~np.isnan(tree_rows(tracks, first)), tracks.founder == first[0])


@pytest.mark.parametrize("drawing", [lineages.generations, lineages.gap, lineages.one_detection])
def test_a_picture_is_drawn(drawing: object, tmp_path: Path) -> None:
    assert callable(drawing)
    figure = plot_lineages(drawing().graph, minutes_per_frame=30, title="a movie")
    figure.savefig(tmp_path / "tree.png")
    assert (tmp_path / "tree.png").read_bytes().startswith(b"\x89PNG")
    assert figure.axes[0].get_xlabel() == "hours"


def test_dollars_and_braces_in_names_are_no_formula(tmp_path: Path) -> None:
    figure = plot_lineages(lineages.one_detection().graph, names=["$_{$"], title="a$x_{$")
    save(figure, tmp_path / "tree.png")
    assert figure.axes[0].get_title(loc="left") == "a$x_{$"


def test_a_picture_takes_no_folders_place_and_makes_none(tmp_path: Path) -> None:
    figure = plot_lineages(lineages.one_detection().graph)
    (tmp_path / "tree.png").mkdir()
    for path in (tmp_path / "tree.png", tmp_path / "no" / "tree.png"):
        with pytest.raises(InputError, match="cannot be written") as refused:
            save(figure, path)
        assert refused.value.place == str(path)
    assert list(tmp_path.iterdir()) == [tmp_path / "tree.png"]


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(InputError, match="no tracks"):
        plot_lineages(lineages.no_cells().graph, title="empty")
