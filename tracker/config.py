"""The thresholds of the trackers: bare numbers, multiplied by lengths measured from the movie."""

from dataclasses import asdict, dataclass

from ingest.errors import InputError

TRACKERS = ("lap", "viterbi")
"""The trackers without a network: linear assignment; a path at a time over the whole movie."""


@dataclass(frozen=True)
class TrackerConfig:
    """What a link may cost, in the unit of `Costs.link`.

    The same centroid and mask cost 0; masks that do not overlap 1, and a move by one reach another.

    Attributes:
        birth_cost: of a cell that comes from nowhere.
        death_cost: of a cell that goes nowhere; a link must cost less than a death and a birth.
        caution: by how much a link from frame to frame must cost less than a death and a birth; dearer ones
            wait for the second assignment, where they compete with gaps and divisions.
        division_cost: of a division between daughters of equal size that lie just as their mother did.
        asymmetry_cost: of daughters of unequal size, times 1 − smaller / larger area.
        gap_cost: of each frame that a cell was missed in.
        size_cost: of a change of size over missed frames, times 1 − smaller / larger area.
        max_missed_frames: the longest gap that is closed.
        reach_in_steps: the reach in typical steps (`Motion.step`); a distance of one reach costs 1.
        reach_in_diameters: the least reach in cell diameters, for movies in which cells hardly move.
        search_in_reaches: the distance within which successors and daughters are looked for.
    """

    birth_cost: float = 0.75
    death_cost: float = 0.75
    caution: float = 0.25
    division_cost: float = 0.4
    asymmetry_cost: float = 0.75
    gap_cost: float = 0.4
    size_cost: float = 0.5
    max_missed_frames: int = 3
    reach_in_steps: float = 4.0
    reach_in_diameters: float = 1.0
    search_in_reaches: float = 1.5

    def __post_init__(self) -> None:
        if not float(self.max_missed_frames).is_integer():
            raise InputError(
                f"max_missed_frames of {self.max_missed_frames}",
                place="tracker configuration",
                remedy="give a whole number, such as 3",
            )
        object.__setattr__(self, "max_missed_frames", int(self.max_missed_frames))
        for name, value in self.as_dict().items():
            least = "above" if name == "reach_in_diameters" else "from"
            if not 0 <= value < float("inf") or (least == "above" and value == 0):
                raise InputError(
                    f"{name} of {value}",
                    place="tracker configuration",
                    remedy=f"give a number {least} 0, such as {type(self).__dict__[name]}",
                )

    @property
    def longest_step(self) -> int:
        """Frames from one detection of a cell to the next, at most."""
        return self.max_missed_frames + 1

    def as_dict(self) -> dict[str, float]:
        """Every threshold by name, for the record of how a tracking was made."""
        return asdict(self)


LEARNED_DRAFT = TrackerConfig(search_in_reaches=2.0)
"""The draft that the learned tracker builds on: it looks farther, since it can tell what is unlikely."""
