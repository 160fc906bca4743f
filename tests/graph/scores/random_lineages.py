"""Random small lineages, and what a poor tracker might make of them."""

from dataclasses import dataclass, field, replace

import numpy as np

from tests.lineages import Box, Cell, Drawing, Pair, drawn

FRAMES = 9
COLUMNS = 6
SLOTS = 3 * COLUMNS
"""Places for cells of 6×6 pixels, 8 rows and 7 columns apart, so that no two ever touch."""


@dataclass
class Life:
    """One label's life: where it is in each frame, as (slot, slots covered side by side)."""

    places: dict[int, tuple[int, int]]
    parent: "Life | None" = None
    label: int = field(default=0, compare=False)

    @property
    def begin(self) -> int:
        return min(self.places)

    @property
    def end(self) -> int:
        return max(self.places)


def random_pair(seed: int) -> Pair:
    """A lineage with gaps, cuts, empty frames and divisions into two and three, and a poor copy of it."""
    rng = np.random.default_rng(seed)
    reference = _grown(rng)
    computed = _spoiled(_copied(reference), rng, severity=rng.random())
    if rng.random() < 0.25:
        _empty(reference if rng.random() < 0.5 else computed, int(rng.integers(FRAMES)))
    return Pair(_drawn(_whole(reference, rng), rng), _drawn(_whole(computed, rng), rng))


def relabelled(drawing: Drawing, seed: int) -> Drawing:
    """The same lineage under other labels."""
    labels = np.random.default_rng(seed).permutation(60)[: len(drawing.cells)] + 1
    new = {cell.label: int(label) for cell, label in zip(drawing.cells, labels, strict=True)}
    cells = [replace(c, label=new[c.label], parent=new.get(c.parent, 0)) for c in drawing.cells]
    boxes: dict[tuple[int, int], Box] = {}
    for frame, label in zip(
        drawing.graph.detections.frame.tolist(), drawing.graph.detections.label.tolist(), strict=True
    ):
        y, x = np.nonzero(drawing.labels[frame] == label)
        box = (int(y.min()), int(x.min()), int(np.ptp(y)) + 1, int(np.ptp(x)) + 1)
        boxes[frame, new[label]] = box
    return drawn(len(drawing.labels), cells, boxes=boxes)


def _grown(rng: np.random.Generator) -> list[Life]:
    """Founders that live, divide, pause and die."""
    free = rng.permutation(SLOTS).tolist()
    lives: list[Life] = []
    growing = [(Life({}), int(rng.integers(3)), free.pop()) for _ in range(rng.integers(1, 5))]
    while growing:
        life, begin, slot = growing.pop()
        last = min(begin + int(rng.geometric(0.3)), FRAMES) - 1
        life.places = dict.fromkeys(range(begin, last + 1), (slot, 1))
        lives.append(life)
        children = int(rng.choice([0, 1, 2, 3], p=[0.2, 0.2, 0.45, 0.15]))
        for _ in range(children):
            birth = last + 1 + int(rng.random() < 0.2)
            if birth < FRAMES and free:
                place = slot if children == 1 else free.pop()
                growing.append((Life({}, life), birth, place))
    return lives


def _copied(lives: list[Life]) -> list[Life]:
    copies = {id(life): Life(dict(life.places)) for life in lives}
    for life in lives:
        copies[id(life)].parent = copies.get(id(life.parent))
    return list(copies.values())


def _spoiled(lives: list[Life], rng: np.random.Generator, severity: float) -> list[Life]:
    """Every kind of error, more often the more severe."""

    def happens(probability: float) -> bool:
        return bool(rng.random() < probability * severity)

    for life in list(lives):
        for t in list(life.places):
            if happens(0.1):
                del life.places[t]
            elif happens(0.15):
                for _ in range(rng.integers(1, 3)):
                    _merge(life, t, lives)
        if happens(0.3):
            _swap(life, lives[rng.integers(len(lives))], int(rng.integers(1, FRAMES)))
        if happens(0.2):
            life.parent = lives[rng.integers(len(lives))] if rng.random() < 0.5 else None
        if happens(0.4):
            _delay(life)
    return lives + _invented(lives, rng, 0.1 * severity)


def _invented(lives: list[Life], rng: np.random.Generator, probability: float) -> list[Life]:
    """Lives of three frames in places where there is no other."""
    begin = int(rng.integers(FRAMES))
    frames = range(begin, min(begin + 3, FRAMES))
    return [
        Life(dict.fromkeys(frames, (slot, 1)))
        for slot in range(SLOTS)
        if rng.random() < probability and not any(_covers(life, t, slot) for life in lives for t in frames)
    ]


def _merge(life: Life, t: int, lives: list[Life]) -> None:
    """Cover the neighbour to the right as well, which then has no cell of its own."""
    slot, wide = life.places[t]
    if slot % COLUMNS + wide < COLUMNS:
        for other in lives:
            if other.places.get(t) == (slot + wide, 1):
                del other.places[t]
        if all(other is life or not _covers(other, t, slot + wide) for other in lives):
            life.places[t] = (slot, wide + 1)


def _covers(life: Life, t: int, slot: int) -> bool:
    first, wide = life.places.get(t, (SLOTS, 0))
    return first <= slot < first + wide


def _swap(one: Life, other: Life, t: int) -> None:
    """Exchange what follows from frame t on."""
    tails = [{u: p for u, p in life.places.items() if u >= t} for life in (one, other)]
    for life, tail in zip((one, other), reversed(tails), strict=True):
        life.places = {u: p for u, p in life.places.items() if u < t} | tail


def _delay(life: Life) -> None:
    """Let the parent have the life's first frame, when it has none of its own there."""
    parent = life.parent
    if parent and parent.places and len(life.places) > 1 and parent.end == life.begin - 1:
        birth = life.begin
        parent.places[birth] = life.places.pop(birth)


def _empty(lives: list[Life], t: int) -> None:
    for life in lives:
        life.places.pop(t, None)


def _whole(lives: list[Life], rng: np.random.Generator) -> list[Life]:
    """Valid label by label: cut at missing frames and now and then elsewhere; parents end before children."""
    last: dict[int, Life | None] = {}
    pieces: list[Life] = []
    for life in lives:
        before: Life | None = None
        for t in sorted(life.places):
            if before is None or t > before.end + 1 or rng.random() < 0.05:
                linked = before if before is not None and rng.random() < 0.6 else None
                before = Life({}, linked if before is not None else life.parent)
                pieces.append(before)
            before.places[t] = life.places[t]
        last[id(life)] = before
    for piece in pieces:
        parent = last.get(id(piece.parent), piece.parent)
        piece.parent = parent if parent is not None and parent.end < piece.begin else None
    return pieces


def _drawn(lives: list[Life], rng: np.random.Generator) -> Drawing:
    for life, label in zip(lives, rng.permutation(60) + 1, strict=False):
        life.label = int(label)
    lives = sorted(lives, key=lambda life: life.begin)  # parents first
    cells = [
        Cell(life.label, life.begin, life.end, life.parent.label if life.parent else 0) for life in lives
    ]
    boxes = {(t, life.label): _box(*place) for life in lives for t, place in life.places.items()}
    return drawn(FRAMES, cells, boxes=boxes)


def _box(slot: int, wide: int) -> Box:
    row, column = divmod(slot, COLUMNS)
    return 8 * row, 7 * column, 6, 7 * (wide - 1) + 6
