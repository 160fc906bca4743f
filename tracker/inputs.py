"""A scene as the network takes it: columns of tensors, and stretches of it as batches."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ingest.errors import InputError
from ingest.tracking_graph import BoolArray, Detections, IntArray
from tracker.features import (
    NEIGHBOUR,
    Columns,
    cell_features,
    neighbour_features,
    pair_features,
    stacked,
    step_features,
    triple_features,
)
from tracker.looks import Looks
from tracker.model import Batch, ModelConfig
from tracker.scene import LONGEST_STEP, Scene


@dataclass(frozen=True, eq=False)
class Contest:
    """Pairs that are judged together, since they compete.

    Attributes:
        batch: the pairs, and the triples made of those that are wanted.
        cells: rows of its cells in the whole movie.
        pairs: rows of its pairs, ascending.
        wanted: True for the pairs whose source is in the frames asked for; the others only compete with them.
        triples: rows of its triples.
    """

    batch: Batch
    cells: slice
    pairs: IntArray
    wanted: BoolArray
    triples: IntArray


@dataclass(frozen=True, eq=False)
class Inputs:
    """All that the network sees of a movie, and the frame of each cell, pair and triple, which ascends.

    Attributes:
        batch: the whole movie.
        names: of the columns of `batch.cell`, `batch.neighbour`, `batch.pair` and `batch.triple`.
        cell_frame, pair_frame, triple_frame, neighbour_frame: (N,), (E,), (T,), (G,); a pair's is that of
            its source.
    """

    batch: Batch
    names: dict[str, tuple[str, ...]]
    cell_frame: IntArray
    pair_frame: IntArray
    triple_frame: IntArray
    neighbour_frame: IntArray

    def sizes(self) -> ModelConfig:
        """Of a network that takes these features."""
        whole = self.batch
        return ModelConfig(
            cell=whole.cell.shape[1],
            step=whole.past_step.shape[2],
            neighbour=whole.neighbour.shape[1],
            pair=whole.pair.shape[1],
            triple=whole.triple.shape[1],
        )

    def require_fit(self, config: ModelConfig) -> None:
        """Refuse a network that was made for other features.

        Raises:
            InputError: it has another number of features.
        """
        for kind in ("cell", "step", "neighbour", "pair", "triple"):
            had, have = getattr(config, kind), getattr(self.sizes(), kind)
            if had != have:
                raise InputError(
                    f"weights for {had} features of a {kind}, of which there are {have}",
                    place="weights",
                    remedy="train them anew with this version (cellkin train)",
                )

    def cells(self, begin: int, end: int) -> slice:
        """Rows of the cells in frames begin … end − 1."""
        return _range(self.cell_frame, begin, end)

    def window(self, begin: int, end: int, *, memory: int = 0) -> Batch:
        """The part of the movie in frames begin … end − 1: pairs and triples with all their cells in it.

        Args:
            begin: first frame.
            end: the frame after the last.
            memory: frames before and after whose cells `past` and `future` may refer to; they count from the
                first of these cells.
        """
        pairs, triples = self.rows(begin, end)
        near, edges = self.cells(begin - memory, end + memory), _range(self.neighbour_frame, begin, end)
        return self._part(self.cells(begin, end), near, edges, pairs, triples)

    def rows(self, begin: int, end: int) -> tuple[IntArray, IntArray]:
        """Rows of the pairs and of the triples of `window`, in the whole movie."""
        pairs, triples = _range(self.pair_frame, begin, end), _range(self.triple_frame, begin, end - 1)
        inside = (self.batch.target[pairs] < self.cells(begin, end).stop).numpy()
        return (
            np.arange(pairs.start, pairs.stop)[inside],
            np.arange(triples.start, triples.stop),
        )

    def contest(self, begin: int, end: int, rounds: int) -> Contest:
        """The pairs and triples whose source or mother is in frames begin … end − 1, and what bears on them.

        Args:
            begin: first frame.
            end: the frame after the last.
            rounds: in which competing pairs see each other: each adds those that share a cell.
        """
        near = _range(self.pair_frame, begin - rounds * LONGEST_STEP, end + rounds * LONGEST_STEP)
        source, target = self.batch.source[near].numpy(), self.batch.target[near].numpy()
        wanted = (self.pair_frame[near] >= begin) & (self.pair_frame[near] < end)
        chosen = wanted
        for _ in range(rounds):
            chosen = np.isin(source, source[chosen]) | np.isin(target, target[chosen])
        cells = slice(
            int(source[chosen].min(initial=len(self.cell_frame))), int(target[chosen].max(initial=-1)) + 1
        )
        pairs, triples = near.start + np.flatnonzero(chosen), _range(self.triple_frame, begin, end)
        rows = np.arange(triples.start, triples.stop)
        batch = self._part(cells, cells, slice(0, 0), pairs, rows)
        return Contest(batch, cells, pairs, wanted[chosen], rows)

    def _part(self, cells: slice, near: slice, edges: slice, pairs: IntArray, triples: IntArray) -> Batch:
        """These cells, edges, pairs and triples; chains count from the first of the cells `near`."""
        whole, first = self.batch, cells.start
        return Batch(
            crops=whole.crops[cells],
            cell=whole.cell[cells],
            past=_within(whole.past[cells], near),
            past_step=whole.past_step[cells],
            future=_within(whole.future[cells], near),
            future_step=whole.future_step[cells],
            neighbours=whole.neighbours[:, edges] - first,
            neighbour=whole.neighbour[edges],
            source=whole.source[pairs] - first,
            target=whole.target[pairs] - first,
            pair=whole.pair[pairs],
            triples=whole.triples[triples] - first,
            triple_pairs=torch.from_numpy(np.searchsorted(pairs, whole.triple_pairs[triples].numpy())),
            triple=whole.triple[triples],
        )


def make_inputs(scene: Scene, detections: Detections, looks: Looks, crops: Tensor) -> Inputs:
    """Gather the columns of a scene.

    Args:
        scene: of N cells.
        detections: what the scene was made of, with shapes.
        looks: of the cells.
        crops: (N, 2, 24, 24) crops, or (N, width) what was seen in them.
    """
    with ThreadPoolExecutor(1) as pool:  # what pairs there are takes longer than all else
        of_pairs = pool.submit(pair_features, scene, looks)
        cell, triple = cell_features(scene, detections, looks), triple_features(scene, looks)
        past_step, future_step = step_features(scene, scene.past), step_features(scene, scene.future)
        by_cell = np.argsort(scene.neighbours[0], kind="stable")
        neighbours, neighbour = scene.neighbours[:, by_cell], neighbour_features(scene)[by_cell]
        pair = of_pairs.result()
    frame = scene.draft.cells.frame
    batch = Batch(
        crops=crops,
        cell=_tensor(cell, len(scene)),
        past=torch.from_numpy(scene.past),
        past_step=torch.from_numpy(past_step),
        future=torch.from_numpy(scene.future),
        future_step=torch.from_numpy(future_step),
        neighbours=torch.from_numpy(neighbours),
        neighbour=torch.from_numpy(neighbour),
        source=torch.from_numpy(scene.pairs.source),
        target=torch.from_numpy(scene.pairs.target),
        pair=_tensor(pair, len(scene.pairs)),
        triples=torch.from_numpy(scene.triples),
        triple_pairs=torch.from_numpy(scene.triple_pairs),
        triple=_tensor(triple, len(scene.triples)),
    )
    return Inputs(
        batch,
        {"cell": tuple(cell), "neighbour": NEIGHBOUR, "pair": tuple(pair), "triple": tuple(triple)},
        frame,
        frame[scene.pairs.source],
        frame[scene.triples[:, 0]],
        frame[neighbours[0]],
    )


def _tensor(columns: Columns, rows: int) -> Tensor:
    return torch.from_numpy(stacked(columns)).reshape(rows, len(columns))


def _range(frame: IntArray, begin: int, end: int) -> slice:
    start, stop = np.searchsorted(frame, [begin, end])
    return slice(int(start), max(int(start), int(stop)))


def _within(chain: Tensor, cells: slice) -> Tensor:
    """Rows counted from the first of these cells; −1 for cells beyond them."""
    inside = (chain >= cells.start) & (chain < cells.stop)
    return torch.where(inside, chain - cells.start, -1)
