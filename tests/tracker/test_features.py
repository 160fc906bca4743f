"""The features are the same however a movie is turned, magnified, exposed or labelled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings

from ingest.movie import LabelImages
from ingest.simulate import SimulatedMovie
from ingest.tracking_graph import FloatArray, IntArray
from tests.lineages import Drawing
from tests.strategies import lineages
from tests.tracker.drafted import scene_of
from tests.tracker.networks import Seen, as_movie, seen
from tests.tracker.painting import painted
from tracker.crops import SAMPLED
from tracker.features import (
    STEP,
    Columns,
    cell_features,
    neighbour_features,
    pair_features,
    stacked,
    step_features,
    triple_features,
)

Stack = npt.NDArray[np.generic]
Turn = Callable[[Stack], Stack]


@dataclass(frozen=True, eq=False)
class Table:
    """Features of what is named by rows of the detections of the movie as it was, in the order of these."""

    rows: IntArray
    columns: Columns

    @classmethod
    def of(cls, rows: IntArray, columns: Columns) -> "Table":
        order = np.lexsort(rows.T[::-1])
        return cls(rows[order], {name: column[order] for name, column in columns.items()})


@dataclass(frozen=True, eq=False)
class Film:
    """Labels and intensities, (T, Y, X) each, that can be filmed in other ways.

    Attributes:
        row: (T, Y, X) row of the detection that each pixel belongs to in the movie as it was, from one.
    """

    labels: Stack
    frames: Stack
    row: Stack

    def under(self, turn: Turn) -> "Film":
        """Every frame turned in the same way."""
        return Film(turn(self.labels), turn(self.frames), turn(self.row))

    def tables(self) -> dict[str, Table]:
        """All features, by kind."""
        found = seen(LabelImages.from_array(self.labels), as_movie(self.frames))
        scene, looks = found.scene, found.looks
        row = self._original(found)
        mother_first = np.sort(row[scene.triples[:, 1:]], axis=1)
        return {
            "cell": Table.of(row[:, None], cell_features(scene, found.detections, looks)),
            "pair": Table.of(
                np.stack([row[scene.pairs.source], row[scene.pairs.target]], axis=1),
                pair_features(scene, looks),
            ),
            "triple": Table.of(
                np.concatenate([row[scene.triples[:, :1]], mother_first], axis=1),
                triple_features(scene, looks),
            ),
            "neighbour": Table.of(row[scene.neighbours].T, _numbered(neighbour_features(scene))),
            "past": Table.of(
                np.append(row, -1)[scene.past],
                _numbered(step_features(scene, scene.past).reshape(len(row), -1)),
            ),
            "future": Table.of(
                np.append(row, -1)[scene.future],
                _numbered(step_features(scene, scene.future).reshape(len(row), -1)),
            ),
        }

    def _original(self, found: Seen) -> IntArray:
        """(N,) what each cell was called in the movie as it was."""
        cells, label = found.scene.draft.cells, found.detections.label
        named = [
            self.row[t][self.labels[t] == label[r]][0] for t, r in zip(cells.frame, cells.row, strict=True)
        ]
        return np.array(named, np.int64) - 1


def _numbered(features: npt.NDArray[np.float32]) -> Mapping[str, FloatArray]:
    return {str(k): column.astype(np.float64) for k, column in enumerate(features.T)}


@pytest.fixture(scope="module")
def film(dividing: SimulatedMovie) -> Film:
    labels, truth = np.stack(list(dividing.labels)), dividing.graph.detections
    # Turned or not, the same pixels are then sampled for the ground.
    assert labels.shape[1] % SAMPLED == labels.shape[2] % SAMPLED == 1
    row = np.zeros_like(labels)
    for t, image in enumerate(labels):
        row[t] = np.where(image > 0, truth.rows(t, image.astype(np.int64)) + 1, 0)
    frames = np.stack([dividing.movie.frame(t)[0] for t in range(len(labels))]).astype(np.float64)
    return Film(labels, frames, row)


@pytest.fixture(scope="module")
def as_it_was(film: Film) -> dict[str, Table]:
    tables = film.tables()
    assert len(tables["triple"].rows) > 20
    return tables


def check_same(
    found: Mapping[str, Table],
    expected: Mapping[str, Table],
    atol: float = 1e-4,
    except_for: Mapping[str, float] | None = None,
) -> None:
    """The same cells, pairs and triples, and the same features; some within a tolerance of their own."""
    for kind, table in expected.items():
        np.testing.assert_array_equal(found[kind].rows, table.rows, kind)
        for name, column in table.columns.items():
            tolerance = (except_for or {}).get(name, atol)
            np.testing.assert_allclose(
                found[kind].columns[name], column, rtol=0, atol=tolerance, err_msg=f"{kind}: {name}"
            )


TURNS: dict[str, Turn] = {
    "upside down": lambda stack: stack[:, ::-1],
    "mirrored": lambda stack: stack[:, :, ::-1],
    "a quarter turn": lambda stack: np.rot90(stack, axes=(1, 2)),
    "along the diagonal": lambda stack: stack.transpose(0, 2, 1),
}


GREY = (
    *("mean", "sd", "brighter", "change_of_brightness", "change_of_texture"),
    *("unequally_bright", "unequally_textured", "brightness"),
)
"""Features that are measured in crops, and so depend a little on where the pixels lie."""
OVERLAP = (
    *("iou", "covered", "covering", "more_covered", "more_covering"),
    *("unequally_covered", "least_covered", "cost"),
)
"""Features of shared pixels: the field's move, which is taken off them, is rounded to whole ones."""


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_turned(film: Film, as_it_was: dict[str, Table], turn: Turn) -> None:
    check_same(film.under(turn).tables(), as_it_was, except_for=dict.fromkeys(GREY, 0.05))


def test_magnified(film: Film, as_it_was: dict[str, Table]) -> None:
    larger = film.under(lambda stack: np.repeat(np.repeat(stack, 2, axis=1), 2, axis=2))
    outlines = {"roundness": 0.3, "eccentricity": 0.02, "border": 0.05}  # of smaller pixels
    rounded = dict.fromkeys(OVERLAP, 0.15) | dict.fromkeys(GREY, 0.15)
    check_same(larger.tables(), as_it_was, atol=2e-3, except_for=outlines | rounded)


@pytest.mark.parametrize(("gain", "offset"), [(7.5, 0.0), (1.0, 900.0), (0.01, -3.0)])
def test_exposed_in_another_way(film: Film, as_it_was: dict[str, Table], gain: float, offset: float) -> None:
    check_same(
        replace(film, frames=gain * film.frames.astype(np.float64) + offset).tables(), as_it_was, atol=1e-3
    )


def test_labelled_in_another_way(film: Film, as_it_was: dict[str, Table]) -> None:
    rng = np.random.default_rng(5)
    labels = np.zeros_like(film.labels)
    for t, image in enumerate(film.labels):
        new = np.append(0, 3 * rng.permutation(int(image.max())) + 7)
        labels[t] = new[image]
    check_same(replace(film, labels=labels).tables(), as_it_was, atol=1e-6)


def test_elsewhere_in_the_field(film: Film) -> None:
    def padded(before: int, after: int) -> Film:
        return film.under(
            lambda stack: np.pad(
                stack, ((0, 0), (before, after), (after, before)), constant_values=stack.min()
            )
        )

    border = {"border": 3.0}  # which is where they are not the same
    check_same(padded(12, 4).tables(), padded(4, 12).tables(), except_for=border)


def test_a_triple_is_the_same_with_the_daughters_exchanged(dividing: SimulatedMovie) -> None:
    found = seen(dividing.labels, dividing.movie)
    scene = found.scene
    exchanged = replace(scene, triples=scene.triples[:, [0, 2, 1]], triple_pairs=scene.triple_pairs[:, ::-1])
    for name, column in triple_features(exchanged, found.looks).items():
        np.testing.assert_allclose(column, triple_features(scene, found.looks)[name], atol=1e-9, err_msg=name)


@settings(deadline=None, max_examples=40)
@given(lineages())
def test_finite_always(drawing: Drawing) -> None:
    found = seen(LabelImages.from_array(drawing.labels), as_movie(drawing.labels.astype(np.float64) ** 3))
    batch = found.inputs.batch
    for name in ("cell", "past_step", "future_step", "neighbour", "pair", "triple", "crops"):
        column = getattr(batch, name)
        assert column.isfinite().all(), name


# a b    the nearest, the one after it; what lies beside
# c
def test_ranks_and_advantages_by_hand() -> None:
    frames = [{"a": (40.0, 40.0, 6.0)}, {"b": (40.0, 43.0, 6.0), "c": (40.0, 56.5, 6.0)}]
    scene = seen(painted(frames).labels, None)
    pair = pair_features(scene.scene, scene.looks)
    diameter = scene.scene.draft.motion.diameter
    np.testing.assert_allclose(pair["diameters"], np.array([3.0, 16.5]) / diameter)
    np.testing.assert_allclose(pair["rank_of_target"], [0, 0.25])
    np.testing.assert_allclose(pair["rank_of_source"], [0, 0])
    np.testing.assert_allclose(pair["nearer_target"], np.array([13.5, -13.5]) / diameter)
    np.testing.assert_allclose(pair["nearer_source"], [2, 2])
    np.testing.assert_allclose(pair["drafted"], [1, 0])
    np.testing.assert_allclose(pair["more_covered"], [pair["covered"][0], -pair["covered"][0]])


# a cell of 20 × 10 pixels becomes two of 8 × 10, 4 of whose columns, and 6, lie on it
def test_shared_pixels_by_hand() -> None:
    images = np.zeros((2, 60, 60), np.int32)
    images[0, 20:30, 20:40] = 1
    images[1, 20:30, 16:24], images[1, 20:30, 34:42] = 1, 2
    found = seen(LabelImages.from_array(images), None)
    pair, triple = pair_features(found.scene, found.looks), triple_features(found.scene, found.looks)
    np.testing.assert_allclose(pair["covered"], [0.2, 0.3])
    np.testing.assert_allclose(pair["covering"], [0.5, 0.75])
    np.testing.assert_allclose(pair["iou"], [40 / 240, 60 / 220])
    expected = {"covered": 0.5, "iou": 100 / 260, "unequally_covered": 0.25, "least_covered": 0.5}
    for name, value in expected.items():
        np.testing.assert_allclose(triple[name], [value], err_msg=name)


# a stays for four frames; b comes in the third, far away
def test_ages_by_hand() -> None:
    a, b = {"a": (40.0, 40.0, 6.0)}, {"b": (40.0, 140.0, 6.0)}
    found = seen(painted([a, a, a | b, a | b]).labels, None)
    cell = cell_features(found.scene, found.detections, found.looks)
    is_a = found.scene.draft.cells.position[:, 1] < 90
    np.testing.assert_allclose(np.expm1(cell["age"][is_a]), [0, 1, 2, 3], atol=1e-9)
    np.testing.assert_allclose(np.expm1(cell["remaining"][is_a]), [3, 2, 1, 0], atol=1e-9)
    np.testing.assert_allclose(np.expm1(cell["age"][~is_a]), [0, 1], atol=1e-9)
    np.testing.assert_allclose(np.expm1(cell["remaining"][~is_a]), [1, 0], atol=1e-9)


# a cell moves by 10 pixels and grows, after a frame in which it is missed
def test_steps_by_hand() -> None:
    scene = scene_of(painted([{"a": (60.0, 60.0, 8.0)}, {}, {"a": (60.0, 70.0, 9.0)}]).labels)
    steps = step_features(scene, scene.past)
    assert np.all(steps[:, 0] == 0)
    known = dict(zip(STEP, steps[1, 1], strict=True))
    area, diameter = scene.draft.cells.area, scene.draft.motion.diameter
    assert known["frames"] == pytest.approx(2 / 7)
    assert known["moved"] == pytest.approx(10 / diameter)
    assert known["growth"] == pytest.approx(np.log(area[0] / area[1]))


# a cell moves 3 pixels a frame, is missed in two frames, is then 13 farther, and goes on by 4
def test_motion_over_missed_frames_by_hand() -> None:
    places = {0: 40.0, 1: 43.0, 4: 56.0, 5: 60.0}
    frames = [{"a": (60.0, places[t], 7.0)} if t in places else {} for t in range(6)]
    found = seen(painted(frames).labels, None)
    pair, motion = pair_features(found.scene, found.looks), found.scene.draft.motion
    (gap,) = np.flatnonzero(pair["over_more"])
    assert pair["steps"][gap] == pytest.approx(np.log1p(13 / motion.step / np.sqrt(3)))
    assert pair["predicted"][gap] == pytest.approx(abs(13 - 3 * 3) / motion.diameter)
    assert pair["foreseen"][gap] == pytest.approx(abs(13 - 3 * 4) / motion.diameter)


def test_columns_stand_in_their_order() -> None:
    columns = {"one": np.array([1.0, 2.0, 3.0]), "other": np.array([4.0, 5.0, 6.0])}
    np.testing.assert_array_equal(stacked(columns), [[1, 4], [2, 5], [3, 6]])
