"""Whether label images show how a segmentation errs: pieces of cells, things that are none, merged cells."""

import numpy as np

from tracker.candidates import Candidates
from tracker.cells import beside_cells
from tracker.draft import Draft
from tracker.lineage import NOBODY

LOOSE, SWALLOWED = 0.0015, 0.003
"""Share of the cells that is loose, or swallowed, where a segmentation errs. Of true cells of three movies
.0001 to .0013 are loose, and .0025 at most swallowed, at lower frame rates and with a tenth missed, too; .004
each where one in 300 each is missed, cut, merged and on top."""
FEW = 1000
"""So many cells more, none of either, are thought to be there: one such cell of few says nothing."""
INSIDE = 0.5
"""Diameters from the edge of the frame, where cells come and go, to the cells that are looked at."""
NEAR, GROWN, ALIKE = 1.5, 1.3, 0.2
"""Of a cell that swallows another: how far they are apart in diameters, how often it is as large as before at
least, and by which share at most its area differs from that of both."""


def has_flaws(draft: Draft, pairs: Candidates) -> bool:
    """Whether more cells are loose, or swallowed, than of true cells are.

    What goes on from no cell of the frame before, and as none, is loose: a piece of a cell, or a thing that
    is none. What ends beside a cell that grows by it is swallowed: two cells have been taken for one. Missed
    cells are not noticed.

    Args:
        draft: of the movie.
        pairs: its candidates of following frames, and others perhaps.
    """
    enough, is_inside = len(draft.cells) + FEW, draft.is_inside(INSIDE)
    is_after, is_before = beside_cells(draft.cells.frame)
    is_loose = ~draft.has_parent & (draft.lineage.child == NOBODY) & is_after & is_before & is_inside
    ends = ~draft.has_child & is_inside
    near = pairs.where(ends[pairs.source] & draft.has_parent[pairs.target])
    near = near.where(near.distance <= NEAR * draft.motion.diameter)
    lost, grown = (draft.cells.area[cell] for cell in (near.source, near.target))
    kept = draft.cells.area[draft.lineage.parent[near.target]]
    is_both = np.abs(grown - kept - lost) < ALIKE * (kept + lost)
    is_swallowed = is_both & (grown > GROWN * kept) & (grown > GROWN * lost)
    swallowed = len(np.unique(near.source[is_swallowed]))
    return bool(np.count_nonzero(is_loose) > LOOSE * enough or swallowed > SWALLOWED * enough)
