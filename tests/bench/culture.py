"""Large lineages and a poor copy of them, as columns and as label images: input of the benchmarks."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from graph.scores.overlaps import Overlaps
from ingest.formats.ctc import write_ground_truth, write_result
from ingest.movie import LabelImages
from ingest.tracking_graph import BoolArray, Detections, IntArray, LinkKind, TrackingGraph


def grown(frames: int, cells: int, seed: int) -> TrackingGraph:
    """A culture of `cells` cells a frame; about 2 % divide in each frame, and as many leave."""
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(cells), (frames - 1, 1)), axis=1)  # (frames - 1, cells)
    daughters = cells // 50
    parent = np.tile(np.arange(cells), (frames - 1, 1))
    rows = np.arange(frames - 1)[:, None]
    # The last cells of a frame's order leave; each one's place is taken by a second daughter of another.
    parent[rows, order[:, -daughters:]] = order[:, :daughters]
    links = np.stack((parent + rows * cells, np.arange(cells) + (rows + 1) * cells), axis=2).reshape(-1, 2)
    return linked(_detections(frames, cells), links)


def spoiled(graph: TrackingGraph, seed: int) -> tuple[TrackingGraph, Overlaps]:
    """A copy with 2 % of the detections missed, 1 % merged, 2 % of the links missing and 1 % wrong.

    Returns:
        The copy, and the pixels that its cells share with those of `graph`, 100 a cell.
    """
    rng = np.random.default_rng(seed)
    table = graph.detections
    missed, merged = rng.random(len(table)) < 0.02, rng.random(len(table)) < 0.01
    neighbour = np.maximum(np.arange(len(table)) - 1, 0)
    merged &= ~missed & ~missed[neighbour] & ~merged[neighbour] & (table.frame == table.frame[neighbour])
    kept = ~missed & ~merged
    row = np.cumsum(kept) - 1
    cover = np.where(kept, row, np.where(merged, row[neighbour], -1))
    links = _spoiled_links(graph, kept, rng)
    copy = Detections(table.frame[kept], table.label[kept], table.y[kept], table.x[kept])
    found = cover >= 0
    computed = np.where(found, copy.label[np.maximum(cover, 0)], 0)
    overlaps = Overlaps(table.frame, table.label, computed, np.full(len(table), 100), table.y, table.x)
    return linked(copy, row[links]), overlaps


def linked(detections: Detections, links: IntArray) -> TrackingGraph:
    """A graph whose kinds of links follow from the number of children and from the frames."""
    links = links[np.argsort(links[:, 1])]
    children = np.bincount(links[:, 0], minlength=len(detections))[links[:, 0]]
    gap = np.diff(detections.frame[links], axis=1)[:, 0] > 1
    kind = np.select([children >= 2, gap], [LinkKind.DIVISION, LinkKind.GAP], LinkKind.NEXT)
    return TrackingGraph(detections, links, kind.astype(np.uint8))


def _detections(frames: int, cells: int) -> Detections:
    frame, label = np.divmod(np.arange(frames * cells), cells)
    zero = np.zeros(frames * cells)
    return Detections(frame, label + 1, zero, zero)


def _spoiled_links(graph: TrackingGraph, kept: BoolArray, rng: np.random.Generator) -> IntArray:
    links = graph.links[(rng.random(len(graph.links)) > 0.02) & kept[graph.links].all(axis=1)].copy()
    frame = graph.detections.frame[links[:, 0]]
    wrong = np.flatnonzero((rng.random(len(links)) < 0.01)[:-1] & (frame[1:] == frame[:-1]))
    links[wrong, 0] = links[wrong + 1, 0]
    return links


def label_images(graph: TrackingGraph, cells: int, size: int, seed: int) -> LabelImages:
    """Cells as discs that jitter about the places of a grid, drawn when a frame is asked for.

    Args:
        graph: detections of labels 1 to `cells`, the label telling the place.
        cells: places of the grid.
        size: height and width of a frame in pixels.
        seed: of the jitter.
    """
    columns = int(np.ceil(np.sqrt(cells)))
    pitch = size // columns
    radius = max(1, int(0.36 * pitch))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    inside = np.nonzero(y**2 + x**2 <= radius**2)
    disc = np.stack(inside) - radius  # (2, pixels)
    row, column = np.divmod(np.arange(cells), columns)
    centre = np.stack((row, column)) * pitch + pitch // 2  # (2, cells)
    reach = max(1, (pitch - 2 * radius - 1) // 2)

    def draw(t: int) -> npt.NDArray[np.int32]:
        labels = graph.detections.label[graph.detections.frame_slice(t)]
        jitter = np.random.default_rng((seed, t)).integers(-reach + 1, reach, centre.shape)
        place = (centre + jitter)[:, labels - 1]  # (2, cells of this frame)
        image = np.zeros((size, size), np.int32)
        image[tuple(place[:, :, None] + disc[:, None, :])] = labels[:, None]
        return image

    return LabelImages((int(graph.detections.frame[-1]) + 1, size, size), draw)


def write_folders(folder: Path, frames: int, cells: int, size: int) -> None:
    """A ground truth `01_GT` and a result `01_RES` in the Cell Tracking Challenge's form."""
    graph = grown(frames, cells, seed=1)
    copy, overlaps = spoiled(graph, seed=2)
    images = label_images(graph, cells, size, seed=3)
    write_ground_truth(graph, images, folder / "01_GT")
    write_result(copy, _covering(images, overlaps, cells), folder / "01_RES")


def _covering(images: LabelImages, overlaps: Overlaps, cells: int) -> LabelImages:
    """The copy's label images: each cell painted with the label of what covers it."""

    def paint(t: int) -> npt.NDArray[np.int32]:
        rows = overlaps.frame == t
        cover = np.zeros(cells + 1, np.int32)
        cover[overlaps.reference[rows]] = overlaps.computed[rows]
        return cover[images.frame(t)]

    return LabelImages(images.shape, paint)
