"""What a link, a gap and a division cost, all in the one unit of `TrackerConfig`."""

from dataclasses import dataclass

import numpy as np

from ingest.tracking_graph import FloatArray, IntArray
from tracker.candidates import Candidates
from tracker.cells import Cells
from tracker.config import TrackerConfig


def difference(area: FloatArray, other: FloatArray) -> FloatArray:
    """1 − smaller / larger area: 0 for equal sizes, and the least 1 − IoU that two such masks can have."""
    return 1 - np.minimum(area, other) / np.maximum(area, other)


@dataclass(frozen=True, eq=False)
class Costs:
    """The costs of one movie.

    Attributes:
        cells: the detections, registered.
        reach: the distance that costs 1, pixels.
        config: the thresholds.
    """

    cells: Cells
    reach: float
    config: TrackerConfig

    def link(self, pairs: Candidates) -> FloatArray:
        """(E,) cost of a link to the next frame: (d/reach)² + 1 − IoU."""
        area = self.cells.area
        return self.by_overlap(pairs.distance, pairs.overlap, area[pairs.source], area[pairs.target])

    def gap(self, pairs: Candidates) -> FloatArray:
        """(E,) cost of a link to k frames later: (d/reach)²/k + size_cost·difference + gap_cost·(k − 1).

        A random walk covers √k times as much. Masks hardly overlap after a while, nor where a cell has jumped
        (k = 1): sizes stand in for the overlap.
        """
        frame, area = self.cells.frame, self.cells.area
        frames = frame[pairs.target] - frame[pairs.source]
        walk = pairs.distance / np.sqrt(frames)
        missed = self.config.gap_cost * (frames - 1)
        return self.by_size(walk, area[pairs.source], area[pairs.target]) + missed

    def division(
        self, mother: IntArray, first: IntArray, second: IntArray, overlap: FloatArray
    ) -> FloatArray:
        """(E,) cost of a mother and two daughters: that of a link to both as one cell, and more.

        Daughters lie on opposite sides of where she was, so their common centroid lies near hers; together
        they cover her mask. To this comes division_cost + asymmetry_cost·difference of the daughters.

        Args:
            mother: (E,) cells.
            first: (E,) her daughters, in the next frame.
            second: (E,) their sisters.
            overlap: (E,) pixels of her mask that they cover.
        """
        area, config = self.cells.area, self.config
        centre, both = self.together(first, second)
        distance = np.linalg.norm(centre - self.cells.position[mother], axis=1)
        link = self.by_overlap(distance, overlap, area[mother], both)
        return link + config.division_cost + config.asymmetry_cost * difference(area[first], area[second])

    def together(self, first: IntArray, second: IntArray) -> tuple[FloatArray, FloatArray]:
        """(E, 2) centroid and (E,) area of each two cells as one."""
        area, position = self.cells.area, self.cells.position
        both = area[first] + area[second]
        share = (area[first] / both)[:, None]
        return share * position[first] + (1 - share) * position[second], both

    def by_overlap(
        self, distance: FloatArray, overlap: FloatArray, before: FloatArray, after: FloatArray
    ) -> FloatArray:
        """(E,) (d/reach)² + 1 − IoU, of `overlap` pixels and of the areas before and after."""
        return (distance / self.reach) ** 2 + 1 - overlap / (before + after - overlap)

    def by_size(self, distance: FloatArray, before: FloatArray, after: FloatArray) -> FloatArray:
        """(E,) (d/reach)² + size_cost·difference, of the areas before and after."""
        return (distance / self.reach) ** 2 + self.config.size_cost * difference(before, after)
