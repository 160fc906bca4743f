"""What a benchmark has to show: a line a figure, `name value goal ok|short`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure and its goal.

    Attributes:
        name: dotted, from the general to the particular.
        value: as measured.
        goal: the least that it must be, or the most.
        at_most: whether the goal is the most.
    """

    name: str
    value: float
    goal: float
    at_most: bool = False

    def __str__(self) -> str:
        reached = self.value <= self.goal if self.at_most else self.value >= self.goal
        sign = "≤" if self.at_most else "≥"
        return f"{self.name} {self.value:.3g} {sign}{self.goal:g} {'ok' if reached else 'short'}"
