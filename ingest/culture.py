"""A culture of simulated cells that grow, wander, keep their distance and divide; in µm and minutes."""

from dataclasses import dataclass
from math import ceil, exp, log, pi, sqrt

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from ingest.tracking_graph import FloatArray

Cells = npt.NDArray[np.void]
"""(n,) cells, one row each, of type `CELL`."""

CELL = np.dtype(
    [
        ("y", float),  # centre, µm from the field's upper left corner
        ("x", float),
        ("vy", float),  # velocity, µm a minute
        ("vx", float),
        ("angle", float),  # of the long axis against x, radians
        ("elongation", float),  # long over short axis, in interphase
        ("lobe", float),  # how much the outline swells in three directions
        ("birth_area", float),  # µm²
        ("age", float),  # minutes since birth
        ("cycle", float),  # minutes from birth to division
        ("brightness", float),  # light from a µm² in interphase, 1 on average
        ("texture_y", float),  # where this cell's chromatin lies in the microscope's texture
        ("texture_x", float),
        ("track", int),  # label in the ground truth while it is seen, else 0
        ("parent", int),  # the mother's label, in the frame of birth only, else 0
    ]
)

CONDENSED = 0.6
"""Area of a nucleus at the moment of division over what it would be in interphase."""


@dataclass(frozen=True)
class CultureSettings:
    """What the cells are like.

    Attributes:
        count: cells in the field at the start, on average.
        birth_area_um2: area of a newborn nucleus once it has spread; it doubles until the next division.
        cycle_minutes: mean time from birth to division (lognormal).
        cycle_cv: its coefficient of variation.
        mitosis_minutes: time to round up and brighten before a division, and to spread again after it.
        speed_um_per_hour, persistence_minutes: of the persistent random walk (Ornstein–Uhlenbeck velocity).
        elongation: mean ratio of the long to the short axis.
        brightness_cv: coefficient of variation of the cells' brightness (lognormal).
        gap_um: distance that the cells try to keep.
    """

    count: int = 14
    birth_area_um2: float = 110.0
    cycle_minutes: float = 600.0
    cycle_cv: float = 0.15
    mitosis_minutes: float = 60.0
    speed_um_per_hour: float = 8.0
    persistence_minutes: float = 60.0
    elongation: float = 1.3
    brightness_cv: float = 0.35
    gap_um: float = 0.5

    @property
    def reach_um(self) -> float:
        """A length that no cell's radius exceeds."""
        return 1.5 * sqrt(2 * self.birth_area_um2 * self.elongation / pi)


class Culture:
    """Cells on a world larger than the field, so that they enter and leave the field on their own.

    Args:
        settings: what the cells are like.
        field_um: height and width of the field.
        rng: decides all that is random.
    """

    def __init__(
        self, settings: CultureSettings, field_um: tuple[float, float], rng: np.random.Generator
    ) -> None:
        self.settings = settings
        self._rng = rng
        self._margin = 4 * settings.reach_um
        self._field = np.array(field_um)
        world = self._field + 2 * self._margin
        self.cells = self._founders(ceil(settings.count * world.prod() / self._field.prod()))
        self._settle(rounds=100)

    def advance(self, minutes: float) -> None:
        """Let time pass."""
        self.cells["age"] += minutes
        self.cells["parent"] = 0
        self._wander(minutes)
        self._divide()
        self._settle(rounds=20)

    def _founders(self, count: int) -> Cells:
        cells = np.zeros(count, CELL)
        for axis, length in zip("yx", self._field, strict=True):
            cells[axis] = self._rng.uniform(-self._margin, length + self._margin, count)
            cells[f"v{axis}"] = self._rng.normal(0, self._speed, count)
        cells["angle"] = self._rng.uniform(0, pi, count)
        cells["birth_area"] = self.settings.birth_area_um2 * _lognormal(self._rng, 0.1, count)
        cells["brightness"] = _lognormal(self._rng, self.settings.brightness_cv, count)
        self._individualise(cells)
        # In a growing population the young are more frequent: ages follow 2^(1 − age/cycle).
        cells["age"] = cells["cycle"] * (1 - np.log2(1 + self._rng.random(count)))
        return cells

    def _individualise(self, cells: Cells) -> None:
        """Draw what a cell does not inherit."""
        n, settings = len(cells), self.settings
        cells["cycle"] = settings.cycle_minutes * _lognormal(self._rng, settings.cycle_cv, n)
        cells["elongation"] = 1 + (settings.elongation - 1) * self._rng.uniform(0.3, 1.7, n)
        cells["lobe"] = self._rng.uniform(-0.06, 0.06, n)
        cells["texture_y"], cells["texture_x"] = self._rng.random((2, n))

    @property
    def _speed(self) -> float:
        """Standard deviation of the velocity along one axis, µm a minute."""
        return self.settings.speed_um_per_hour / 60 / sqrt(2)

    def _wander(self, minutes: float) -> None:
        kept = exp(-minutes / self.settings.persistence_minutes)
        cells, n = self.cells, len(self.cells)
        mobility = 1 - 0.8 * mitotic(cells, self.settings)
        for axis, length in zip("yx", self._field, strict=True):
            kick = self._rng.normal(0, self._speed * sqrt(1 - kept**2), n)
            cells[f"v{axis}"] = kept * cells[f"v{axis}"] + kick
            cells[axis] += mobility * cells[f"v{axis}"] * minutes
            outside = (cells[axis] < -self._margin) | (cells[axis] > length + self._margin)
            cells[f"v{axis}"][outside] *= -1
            cells[axis] = np.clip(cells[axis], -self._margin, length + self._margin)
        cells["angle"] += self._rng.normal(0, 0.2 * sqrt(minutes / 60), n)

    def _divide(self) -> None:
        """Replace each ripe cell by two of half its area, on opposite sides along its long axis."""
        ripe = self.cells["age"] >= self.cells["cycle"]
        mothers = self.cells[ripe]
        first, second = mothers.copy(), mothers.copy()
        for daughters, side in ((first, 1.0), (second, -1.0)):
            self._individualise(daughters)
            daughters["age"] = mothers["age"] - mothers["cycle"]
            daughters["birth_area"] = mothers["birth_area"]
            daughters["brightness"] *= _lognormal(self._rng, 0.05, len(mothers))
            daughters["angle"] += pi / 2
            daughters["parent"], daughters["track"] = mothers["track"], 0
            _, short = semi_axes(daughters, self.settings)
            for axis, direction in (("y", np.sin(mothers["angle"])), ("x", np.cos(mothers["angle"]))):
                daughters[axis] += side * direction * (short + self.settings.gap_um / 2)
        self.cells = np.concatenate([self.cells[~ripe], first, second])

    def _settle(self, rounds: int) -> None:
        """Push overlapping cells apart, each by half of the overlap, until none does or `rounds` are over."""
        gap = self.settings.gap_um
        for _ in range(rounds if len(self.cells) > 1 else 0):
            centre = np.stack([self.cells["y"], self.cells["x"]], axis=1)  # (n, 2)
            long, short = semi_axes(self.cells, self.settings)
            pairs = KDTree(centre).query_pairs(2 * long.max() + gap, output_type="ndarray")  # (p, 2)
            between = centre[pairs[:, 1]] - centre[pairs[:, 0]]
            distance = np.maximum(np.hypot(*between.T), 1e-9)
            bearing = np.arctan2(between[:, 0], between[:, 1])[:, None] - self.cells["angle"][pairs]
            radii = 1 / np.hypot(np.cos(bearing) / long[pairs], np.sin(bearing) / short[pairs])  # (p, 2)
            overlap = radii.sum(axis=1) + gap - distance
            close = overlap > 0.01
            if not close.any():
                return
            push = between[close] * (overlap[close] / distance[close] / 2)[:, None]
            for column, axis in enumerate("yx"):
                np.subtract.at(self.cells[axis], pairs[close, 0], push[:, column])
                np.add.at(self.cells[axis], pairs[close, 1], push[:, column])


def mitotic(cells: Cells, settings: CultureSettings) -> FloatArray:
    """How condensed each cell is: 0 in interphase, rising to 1 at the division, falling to 0 after it."""
    return np.maximum(*_closeness(cells, settings))


def concentration(cells: Cells, settings: CultureSettings) -> FloatArray:
    """(n,) density of each nucleus over that in interphase: what its area loses, its light gains."""
    return 1 / (1 - (1 - CONDENSED) * mitotic(cells, settings))


def semi_axes(cells: Cells, settings: CultureSettings) -> tuple[FloatArray, FloatArray]:
    """Long and short semi-axis of each cell, µm.

    The area is A₀·2^(age/cycle)/concentration. A cell is round when it divides; newborn sisters are flat.
    """
    before, after = _closeness(cells, settings)
    area = cells["birth_area"] * 2 ** (cells["age"] / cells["cycle"]) / concentration(cells, settings)
    elongation = 1 + (cells["elongation"] - 1) * (1 - before) + 0.4 * after
    radius = np.sqrt(area / pi)
    return radius * np.sqrt(elongation), radius / np.sqrt(elongation)


def _closeness(cells: Cells, settings: CultureSettings) -> tuple[FloatArray, FloatArray]:
    """How near each cell's next and last division are: 1 at the division, 0 from the time of a mitosis on."""
    until, since = cells["cycle"] - cells["age"], cells["age"]
    return _ramp(until / settings.mitosis_minutes), _ramp(since / settings.mitosis_minutes)


def _ramp(distance: FloatArray) -> FloatArray:
    """1 at a distance of 0, 0 from a distance of 1 on."""
    return np.clip(1 - distance, 0, 1)


def _lognormal(rng: np.random.Generator, cv: float, count: int) -> FloatArray:
    """Mean 1, coefficient of variation `cv`: σ² = ln(1 + cv²), μ = −σ²/2."""
    variance = log(1 + cv**2)
    return rng.lognormal(-variance / 2, sqrt(variance), count)
