"""Large trackings from nothing: many lineages of three generations, with nine features."""

import numpy as np

from ingest.ranges import expanded
from ingest.tracking_graph import Detections, LinkKind, TrackingGraph

FRAMES = 100
DETECTIONS_A_LINEAGE = 25 + 2 * 25 + 4 * 50
FEATURES = ("area", "perimeter", "eccentricity", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1", "mean_0", "sd_0")
IN_PIXELS = ("area", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1")
"""Those that are counted, and so whole numbers."""
# begin, end (exclusive) and parent of the seven tracks of a lineage
_TRACKS = ((0, 25, -1), (25, 50, 0), (25, 50, 0), (50, 100, 1), (50, 100, 1), (50, 100, 2), (50, 100, 2))


def lineages(count: int, seed: int = 0) -> TrackingGraph:
    """`count` founders, each with two daughters and four granddaughters: 275 detections a lineage."""
    rng = np.random.default_rng(seed)
    tracks = np.tile(np.array(_TRACKS), (count, 1))  # (7 · count, 3)
    label = np.arange(1, len(tracks) + 1)
    of_lineage = np.repeat(np.arange(count), len(_TRACKS)) * len(_TRACKS)
    length = tracks[:, 1] - tracks[:, 0]
    cell, frame = expanded(tracks[:, 0], length)
    order = np.lexsort((label[cell], frame))
    row = np.empty(len(order), np.int64)
    row[order] = np.arange(len(order))  # of each detection, track by track
    first, last = np.cumsum(length) - length, np.cumsum(length) - 1
    within = np.setdiff1d(np.arange(len(cell)), first)
    born = np.flatnonzero(tracks[:, 2] >= 0)
    mother = tracks[born, 2] + of_lineage[born]
    earlier = np.concatenate((row[within - 1], row[last[mother]]))
    later = np.concatenate((row[within], row[first[born]]))
    kind = np.repeat(np.array([LinkKind.NEXT, LinkKind.DIVISION], np.uint8), [len(within), len(born)])
    by_later = np.argsort(later)
    y, x, *measured = rng.random((2 + len(FEATURES), len(cell))) * 1000
    features = dict(zip(FEATURES, measured, strict=True))
    features |= {name: np.floor(column) for name, column in features.items() if name in IN_PIXELS}
    cells = Detections(frame[order], label[cell][order], y, x, features)
    return TrackingGraph(cells, np.stack([earlier, later], axis=1)[by_later], kind[by_later])
