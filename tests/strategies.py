"""Random lineages for property tests."""

from hypothesis import strategies as st

from tests.lineages import Cell, Drawing, drawn


@st.composite
def lineages(draw: st.DrawFn, *, max_frames: int = 7, max_cells: int = 12) -> Drawing:
    """Any valid lineage of a few cells: gaps, divisions into two and more, empty frames, any labels."""
    frames = draw(st.integers(1, max_frames))
    labels = draw(st.lists(st.integers(1, 300), max_size=max_cells, unique=True))
    cells: list[Cell] = []
    for place, label in enumerate(labels):
        mothers = [cell for cell in cells if cell.end < frames - 1]
        mother = draw(st.none() | st.sampled_from(mothers)) if mothers else None
        begin = draw(st.integers(mother.end + 1 if mother else 0, frames - 1))
        end = draw(st.integers(begin, frames - 1))
        # A place of its own for each cell, so that none hides another.
        y, x = 6 * (place // 4), 11 * (place % 4)
        height, width = draw(st.integers(1, 6)), draw(st.integers(1, 11))
        cells.append(Cell(label, begin, end, mother.label if mother else 0, y, x, height, width))
    return drawn(frames, cells)
