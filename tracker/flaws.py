"""Whether label images show how a segmentation errs: pieces of cells, things that are none, merged cells."""

import numpy as np

from tracker.cells import has_cells_beside
from tracker.lineage import NOBODY
from tracker.scene import Scene

LOOSE, SWALLOWED = 0.0015, 0.003
"""Share of the cells that is loose, or swallowed, where a segmentation errs. Of true cells of three movies
.0001 to .0013 are loose, and .0025 at most swallowed, at lower frame rates and with a tenth missed, too; .004
each where one in 300 each is missed, cut, merged and on top."""
FEW = 1000
"""Pseudocount: so many cells without flaws are added, so that one odd cell among few is no evidence."""
INSIDE = 0.5
"""Diameters from the edge of the frame, where cells come and go, to the cells that are looked at."""
NEAR, GROWN, ALIKE = 1.5, 1.3, 0.2
"""Of a cell that swallows another: their largest distance in diameters, the least ratio of its area to that
before, and the largest difference of its area from that of both, as a share of the latter."""


def has_flaws(scene: Scene) -> bool:
    """Whether more cells are loose, or swallowed, than of true cells are.

    What goes on from no cell of the frame before, and as none, is loose: a piece of a cell, or a thing that
    is none. What ends beside a cell that grows by it is swallowed: two cells have been taken for one. Missed
    cells are not noticed.
    """
    draft, area, count = scene.draft, scene.draft.cells.area, len(scene) + FEW
    parent, is_inside = draft.lineage.parent, draft.is_inside(INSIDE)
    was_before, is_after = has_cells_beside(draft.cells.frame)
    loose = ~draft.has_parent & (draft.lineage.child == NOBODY) & was_before & is_after & is_inside
    has_before = draft.has_parent & (parent != NOBODY)  # births take some parents away
    near = scene.pairs.where((~draft.has_child & is_inside)[scene.pairs.source])
    near = near.where(has_before[near.target] & (near.distance <= NEAR * draft.motion.diameter))
    lost, before, now = area[near.source], area[parent[near.target]], area[near.target]
    is_both = np.abs(now - before - lost) < ALIKE * (before + lost)
    swallowed = np.unique(near.source[is_both & (now > GROWN * before)])
    return bool(np.count_nonzero(loose) > LOOSE * count or len(swallowed) > SWALLOWED * count)
