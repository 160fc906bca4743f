"""Numbers that speak for and against: of a cell, of a pair, of a mother with two daughters.

All are free of units, and the same however the movie is turned: lengths are in cell diameters or typical
steps, areas in ratios, intensities relative to the frame's ground and cells (`crops.Light`),
directions relative to each other. What is not known is 0, and a flag says so. To add a number, add its name
and its column; weights know their number of columns, so old ones refuse to load.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ingest.tracking_graph import Detections, FloatArray, IntArray
from tracker.costs import difference
from tracker.lineage import NOBODY
from tracker.looks import Looks
from tracker.scene import Scene

Columns = Mapping[str, npt.NDArray[np.floating]]
MOTION = ("predicted", "foreseen", "has_past", "has_future", "parting", "parting_known", "ahead", "moved")
"""Features that come from how cells moved before and after."""
STEP = ("frames", "moved", "growth")
"""The columns of `step_features`."""
NEIGHBOUR = ("distance", "relative_size", "ahead")
"""The columns of `neighbour_features`."""
DAMPED = 4.0
"""Ranks are divided by it."""


def still(names: Sequence[str]) -> list[float]:
    """1 for each feature that says nothing of how cells moved, 0 for the others."""
    return [float(name not in MOTION) for name in names]


def cell_features(scene: Scene, detections: Detections, looks: Looks) -> Columns:
    """Of each of the N cells.

    Args:
        scene: the cells.
        detections: with perimeter and eccentricity.
        looks: of the cells.
    """
    cells, lineage, diameter = scene.draft.cells, scene.draft.lineage, _length(scene.draft.motion.diameter)
    area = cells.area
    perimeter, eccentricity = (detections.features[name][cells.row] for name in ("perimeter", "eccentricity"))
    return {
        "size": np.log(area / np.median(area)) if len(area) else area,
        "eccentricity": eccentricity,
        "roundness": np.clip(4 * np.pi * area / np.maximum(perimeter, 1) ** 2, 0, 1.5),
        "mean": looks.mean,
        "sd": looks.sd,
        "has_image": np.full(len(cells), float(looks.has_image)),
        "elongation": np.linalg.norm(looks.axis, axis=1),
        "crowding": _crowding(scene, diameter),
        "border": np.clip(scene.draft.edge / diameter, 0, 3),
        "age": np.log1p(_age(lineage.parent)),
        "remaining": np.log1p(_age(lineage.child)),
        "is_orphan": (~scene.draft.has_parent).astype(float),
        "is_childless": (~scene.draft.has_child).astype(float),
    }


def step_features(scene: Scene, chain: IntArray) -> npt.NDArray[np.float32]:
    """(N, 7, 3) `STEP` of each cell in a chain: frames away, its step to the one nearer, change of area."""
    cells, diameter = scene.draft.cells, _length(scene.draft.motion.diameter)
    nearer = np.concatenate([chain[:, :1], chain[:, :-1]], axis=1)
    frames = np.abs(cells.frame[chain] - cells.frame[:, None]) / 7.0
    step = np.linalg.norm(cells.position[chain] - cells.position[nearer], axis=2) / diameter
    area = np.log(cells.area[chain] / cells.area[nearer])
    features = np.stack([frames, np.minimum(step, 5), area], axis=2)
    return np.where((chain != NOBODY)[:, :, None], features, 0).astype(np.float32)


def neighbour_features(scene: Scene) -> npt.NDArray[np.float32]:
    """(G, 3) `NEIGHBOUR` of each neighbourhood edge; the last is how it lies to the cell's past step."""
    cells, diameter = scene.draft.cells, _length(scene.draft.motion.diameter)
    cell, other = scene.neighbours
    apart = cells.position[other] - cells.position[cell]
    distance = np.linalg.norm(apart, axis=1)
    step, known = _steps(scene, scene.draft.lineage.parent)
    ahead = (apart * step[cell]).sum(axis=1) / np.maximum(distance * diameter, 1e-9)
    columns = [distance / diameter, np.log(cells.area[other] / cells.area[cell]), ahead * known[cell]]
    return np.stack(columns, axis=1).astype(np.float32)


def pair_features(scene: Scene, looks: Looks) -> Columns:
    """Of each of the E pairs, of which there are many: as float32."""
    return {name: column.astype(np.float32) for name, column in _pair_columns(scene, looks)}


def _pair_columns(scene: Scene, looks: Looks) -> Iterator[tuple[str, FloatArray]]:
    """One after the other, so that they are not all there in double precision."""
    draft, pairs = scene.draft, scene.pairs
    cells, lineage, area = draft.cells, draft.lineage, draft.cells.area
    i, j = pairs.source, pairs.target
    diameter, step = _length(draft.motion.diameter), _length(draft.motion.step)
    frames = cells.frame[j] - cells.frame[i]
    moved = cells.position[j] - cells.position[i]
    back, has_past = _steps(scene, lineage.parent)
    ahead, has_future = _steps(scene, lineage.child)
    yield "over_1", (frames == 2).astype(float)
    yield "over_more", (frames > 2).astype(float)
    yield "diameters", pairs.distance / diameter
    yield "steps", np.log1p(pairs.distance / step / np.sqrt(np.maximum(frames, 1)))
    yield "iou", pairs.overlap / (area[i] + area[j] - pairs.overlap)
    yield "covered", pairs.overlap / area[i]
    yield "covering", pairs.overlap / area[j]
    yield "growth", np.log(area[j] / area[i])
    yield "change_of_size", np.abs(np.log(area[j] / area[i]))
    yield "brighter", looks.mean[j] - looks.mean[i]
    yield "change_of_brightness", np.abs(looks.mean[j] - looks.mean[i])
    yield "change_of_texture", looks.sd[j] - looks.sd[i]
    yield "rank_of_target", _rank(i, pairs.distance) / DAMPED
    yield "rank_of_source", _rank(j, pairs.distance) / DAMPED
    yield "nearer_target", _advantage(i, pairs.distance, diameter)
    yield "nearer_source", _advantage(j, pairs.distance, diameter)
    yield "more_covered", _excess(i, pairs.overlap / area[i])
    yield "more_covering", _excess(j, pairs.overlap / area[j])
    yield "drafted", (lineage.parent[j] == i).astype(float)
    yield "target_is_orphan", (~draft.has_parent[j]).astype(float)
    yield "source_is_childless", (~draft.has_child[i]).astype(float)
    yield "predicted", np.minimum(np.linalg.norm(moved - back[i] * frames[:, None], axis=1) / diameter, 5)
    yield "foreseen", np.minimum(np.linalg.norm(moved + ahead[j] * frames[:, None], axis=1) / diameter, 5)
    yield "has_past", has_past[i]
    yield "has_future", has_future[j]
    yield "along_source", _along(moved, looks.axis[i])
    yield "along_target", _along(moved, looks.axis[j])


def triple_features(scene: Scene, looks: Looks) -> Columns:
    """Of each of the T mothers with two daughters; the same with the daughters exchanged."""
    draft, lineage = scene.draft, scene.draft.lineage
    cells, area, diameter = draft.cells, draft.cells.area, _length(draft.motion.diameter)
    mother, first, second = scene.triples.T
    overlap = scene.pairs.overlap[scene.triple_pairs]  # (T, 2)
    to_first, to_second = (cells.position[k] - cells.position[mother] for k in (first, second))
    near, far = np.sort(np.stack([np.linalg.norm(d, axis=1) for d in (to_first, to_second)]), axis=0)
    apart = to_second - to_first
    distance = np.linalg.norm(apart, axis=1)
    centre, both = draft.costs.together(first, second)
    covered = overlap.sum(axis=1)
    parting, parting_known = _parting(scene, first, second, distance, diameter)
    orphans = (~draft.has_parent[scene.triples[:, 1:]]).sum(axis=1)
    drafted = (lineage.parent[scene.triples[:, 1:]] == mother[:, None]).sum(axis=1)
    return {
        "middle": np.linalg.norm(to_first + to_second, axis=1) / (2 * diameter),
        "centre": np.linalg.norm(centre - cells.position[mother], axis=1) / diameter,
        "centre_in_steps": np.log1p(
            np.linalg.norm(centre - cells.position[mother], axis=1) / _length(draft.motion.step)
        ),
        "nearer": near / diameter,
        "farther": far / diameter,
        "apart": distance / diameter,
        "opposite": (to_first * to_second).sum(axis=1) / np.maximum(near * far, 1e-9),
        "unequal": difference(area[first], area[second]),
        "growth": np.log(both / area[mother]),
        "covered": covered / area[mother],
        "iou": covered / (area[mother] + both - covered),
        "unequally_covered": np.abs(overlap[:, 0] / area[first] - overlap[:, 1] / area[second]),
        "least_covered": np.minimum(overlap[:, 0] / area[first], overlap[:, 1] / area[second]),
        "unequally_bright": np.abs(looks.mean[first] - looks.mean[second]),
        "unequally_textured": np.abs(looks.sd[first] - looks.sd[second]),
        "brightness": (looks.mean[first] + looks.mean[second]) / 2 - looks.mean[mother],
        "along_mother": _along(apart, looks.axis[mother]),
        "along_daughters": (_along(apart, looks.axis[first]) + _along(apart, looks.axis[second])) / 2,
        "is_drafted": ((drafted == 2) & lineage.divides[mother]).astype(float),
        "one_is_drafted": (drafted == 1).astype(float),
        "orphans": orphans - 1.0,
        "parting": parting,
        "parting_known": parting_known,
        "cost": draft.costs.division(mother, first, second, covered),
    }


def stacked(columns: Columns) -> npt.NDArray[np.float32]:
    """(rows, columns) of the columns in their order."""
    rows = np.empty((len(next(iter(columns.values()))), len(columns)), np.float32)
    for number, column in enumerate(columns.values()):
        rows[:, number] = column
    return rows


def _length(value: float) -> float:
    """A length to divide by; 1 where there was nothing to measure."""
    return value if value > 0 else 1.0


def _along(direction: FloatArray, axis: FloatArray) -> FloatArray:
    """|cos| between (E, 2) directions and axes, times the axes' lengths."""
    length = np.maximum(np.linalg.norm(direction, axis=1), 1e-9)
    along: FloatArray = np.abs((direction * axis).sum(axis=1)) / length
    return along


def _crowding(scene: Scene, diameter: float) -> FloatArray:
    """(N,) sum over the neighbours of diameter / distance."""
    cell, other = scene.neighbours
    position = scene.draft.cells.position
    distance = np.linalg.norm(position[cell] - position[other], axis=1)
    return np.bincount(cell, diameter / np.maximum(distance, 0.1 * diameter), len(position)).astype(float)


def _age(parent: IntArray) -> FloatArray:
    """(N,) cells from each one to the first, along `parent`, by doubling."""
    count = len(parent)
    up = np.where(parent == NOBODY, np.arange(count), parent)
    age: FloatArray = (parent != NOBODY).astype(float)
    while np.any(up[up] != up):
        age, up = age + age[up], up[up]
    return age


def _steps(scene: Scene, following: IntArray) -> tuple[FloatArray, FloatArray]:
    """(N, 2) each cell's move a frame, away from the one `following` leads to; (N,) whether it is known."""
    cells = scene.draft.cells
    known = (following != NOBODY).astype(float)
    frames = np.maximum(np.abs(cells.frame - cells.frame[following]), 1)[:, None]
    return known[:, None] * (cells.position - cells.position[following]) / frames, known


def _parting(
    scene: Scene, first: IntArray, second: IntArray, distance: FloatArray, diameter: float
) -> tuple[FloatArray, FloatArray]:
    """(T,) by how much two cells are farther apart a frame later in the draft; (T,) whether it is known."""
    cells, child = scene.draft.cells, scene.draft.lineage.child
    known = (child[first] != NOBODY) & (child[second] != NOBODY)
    later = np.linalg.norm(cells.position[child[first]] - cells.position[child[second]], axis=1)
    return np.where(known, np.clip((later - distance) / diameter, -3, 3), 0), known.astype(float)


def _rank(group: IntArray, value: FloatArray) -> FloatArray:
    """(E,) how many of the same group have a lesser value, or the same and stand before it."""
    order = np.lexsort((value, group))
    size = np.bincount(group)
    rank = np.empty(len(group))
    rank[order] = np.arange(len(group)) - (np.cumsum(size) - size)[group[order]]
    return rank


def _advantage(group: IntArray, distance: FloatArray, diameter: float) -> FloatArray:
    """(E,) distance of the nearest other one of the group less this one's, in diameters, −2 … 2."""
    least, second = _two_extremes(group, distance)
    other = np.where(distance == least[group], second[group], least[group])
    return np.clip((other - distance) / diameter, -2, 2)


def _excess(group: IntArray, share: FloatArray) -> FloatArray:
    """(E,) this share less the largest other one of the group."""
    largest, second = _two_extremes(group, -share)
    other = np.where(-share == largest[group], -second[group], -largest[group])
    return np.clip(share - np.maximum(other, 0), -2, 2)


def _two_extremes(group: IntArray, value: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The least and the second least value of each group, infinite where there is none."""
    count = int(group.max(initial=-1)) + 1
    least, second = np.full(count, np.inf), np.full(count, np.inf)
    np.minimum.at(least, group, value)
    is_least = value == least[group]
    np.minimum.at(second, group[~is_least], value[~is_least])
    shared = np.bincount(group[is_least], minlength=count) > 1
    second[shared] = least[shared]
    return least, second
