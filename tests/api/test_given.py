"""Trackings in files: what is stored with them, and what is learned from."""

import json
from pathlib import Path

import numpy as np
import pytest

from api.given import given_trackings
from api.settings import Settings
from api.training_movies import collect
from ingest.errors import InputError
from ingest.formats.ctc import write_ground_truth
from ingest.formats.ome_tiff import write_movie
from ingest.movie import LabelImages
from tests import lineages
from tests.ingest.trk_files import lineage_of, raw_of, tracking_of, trk_of, trks_of


def test_a_folder_and_a_trk_file_of_one_tracking_are_the_same(tmp_path: Path) -> None:
    drawing = lineages.generations()
    movie = write_movie(tracking_of(drawing).movie, tmp_path / "movie.ome.tif")
    write_ground_truth(drawing.graph, LabelImages.from_array(drawing.labels), tmp_path / "01_GT")
    (folder,) = given_trackings(movie, tmp_path / "01_GT", pixel_size=0.65)
    (file,) = given_trackings(trk_of(tmp_path / "a.trk", drawing), None, pixel_size=0.65)
    assert (folder.source, file.source) == ("01_GT", "a.trk")
    np.testing.assert_array_equal(file.graph.links, folder.graph.links)
    np.testing.assert_array_equal(file.graph.kind, folder.graph.kind)
    assert {"mean_1", "y_um"} <= set(file.graph.detections.features)
    for name, column in folder.graph.detections.features.items():
        np.testing.assert_allclose(file.graph.detections.features[name], column)


@pytest.mark.parametrize(
    ("tracking", "axes", "said"),
    [("01_GT", None, "a tracking for a file that has its own"), (None, "TYX", "axes for a file")],
)
def test_a_trk_file_stands_alone(tmp_path: Path, tracking: str | None, axes: str | None, said: str) -> None:
    path = trk_of(tmp_path / "a.trk", lineages.division())
    with pytest.raises(InputError, match=said):
        given_trackings(path, tmp_path / tracking if tracking else None, axes=axes)


def test_a_movie_needs_a_tracking(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a movie without a tracking"):
        given_trackings(tmp_path / "movie.tif", None)


def test_trk_files_are_learned_from(tmp_path: Path) -> None:
    drawings = [lineages.division(), lineages.generations()]
    lineage = lineage_of(drawings[0])
    lineage["2"]["frames"] = [3]
    one = trk_of(tmp_path / "one.trk", drawings[0], lineage=json.dumps(lineage).encode())
    both = trks_of(tmp_path / "both.trks", drawings)
    notes: list[str] = []
    movies = collect([str(one), str(both), f"{both}#1"], [], Settings(), note=notes.append)
    assert [movie.name for movie in movies] == ["one", "both#0", "both#1", "both#1"]
    assert all(movie.is_real for movie in movies)
    assert len(notes) == 1
    assert "one.trk" in notes[0]
    for movie, drawing in zip(movies, [drawings[0], *drawings, drawings[1]], strict=True):
        np.testing.assert_array_equal(movie.graph.links, drawing.graph.links)
        np.testing.assert_array_equal(movie.labels.frame(4), drawing.labels[4])
        assert movie.movie is not None
        np.testing.assert_array_equal(movie.movie.frame(4), np.moveaxis(raw_of(drawing)[4], -1, 0))
