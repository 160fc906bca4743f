"""A scene as the network takes it: columns of tensors, and stretches of it as batches."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ingest.errors import InputError
from ingest.tracking_graph import Detections, IntArray
from tracker.features import (
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
from tracker.scene import Scene


@dataclass(frozen=True, eq=False)
class Inputs:
    """All that the network sees of a movie, and the frame of each cell, pair and triple, which ascends.

    Attributes:
        batch: the whole movie.
        names: of the columns of `batch.cell`, `batch.pair` and `batch.triple`.
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
            InputError: its features are as many no more.
        """
        for kind in ("cell", "step", "neighbour", "pair", "triple"):
            had, have = getattr(config, kind), getattr(self.sizes(), kind)
            if had != have:
                raise InputError(
                    f"weights for {had} features of a {kind}, of which there are {have}",
                    place="weights",
                    remedy="train them anew with this version (cellkin train)",
                )

    def window(self, begin: int, end: int) -> Batch:
        """The part of the movie in frames begin … end − 1: pairs and triples with all their cells in it."""
        cells = _range(self.cell_frame, begin, end)
        pairs = _range(self.pair_frame, begin, end)
        triples = _range(self.triple_frame, begin, end - 1)
        edges = _range(self.neighbour_frame, begin, end)
        whole, first = self.batch, cells.start
        inside = whole.target[pairs] < cells.stop
        row = torch.cumsum(inside, 0) - 1 if len(inside) else inside.long()
        return Batch(
            crops=whole.crops[cells],
            cell=whole.cell[cells],
            past=_within(whole.past[cells], cells),
            past_step=whole.past_step[cells],
            future=_within(whole.future[cells], cells),
            future_step=whole.future_step[cells],
            neighbours=whole.neighbours[:, edges] - first,
            neighbour=whole.neighbour[edges],
            source=whole.source[pairs][inside] - first,
            target=whole.target[pairs][inside] - first,
            pair=whole.pair[pairs][inside],
            triples=whole.triples[triples] - first,
            triple_pairs=row[whole.triple_pairs[triples] - pairs.start],
            triple=whole.triple[triples],
        )

    def rows(self, begin: int, end: int) -> tuple[IntArray, IntArray]:
        """Rows of the pairs and of the triples of `window`, in the whole movie."""
        cells, pairs = _range(self.cell_frame, begin, end), _range(self.pair_frame, begin, end)
        triples = _range(self.triple_frame, begin, end - 1)
        inside = (self.batch.target[pairs] < cells.stop).numpy()
        return (
            np.arange(pairs.start, pairs.stop)[inside],
            np.arange(triples.start, triples.stop),
        )


def make_inputs(
    scene: Scene, detections: Detections, looks: Looks, crops: Tensor, shape: tuple[int, int]
) -> Inputs:
    """Gather the columns of a scene.

    Args:
        scene: of N cells.
        detections: what the scene was made of, with shapes.
        looks: of the cells.
        crops: (N, 2, 24, 24) crops, or (N, width) what was seen in them.
        shape: (Y, X) of the frames.
    """
    cell, pair, triple = (
        cell_features(scene, detections, looks, shape),
        pair_features(scene, looks),
        triple_features(scene, looks),
    )
    frame = scene.draft.cells.frame
    by_cell = np.argsort(scene.neighbours[0], kind="stable")
    neighbours = scene.neighbours[:, by_cell]
    batch = Batch(
        crops=crops,
        cell=_tensor(cell, len(scene)),
        past=torch.from_numpy(scene.past),
        past_step=torch.from_numpy(step_features(scene, scene.past)),
        future=torch.from_numpy(scene.future),
        future_step=torch.from_numpy(step_features(scene, scene.future)),
        neighbours=torch.from_numpy(neighbours),
        neighbour=torch.from_numpy(neighbour_features(scene)[by_cell]),
        source=torch.from_numpy(scene.pairs.source),
        target=torch.from_numpy(scene.pairs.target),
        pair=_tensor(pair, len(scene.pairs)),
        triples=torch.from_numpy(scene.triples),
        triple_pairs=torch.from_numpy(scene.triple_pairs),
        triple=_tensor(triple, len(scene.triples)),
    )
    return Inputs(
        batch,
        {"cell": tuple(cell), "pair": tuple(pair), "triple": tuple(triple)},
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
