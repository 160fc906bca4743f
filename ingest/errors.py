"""The one family of errors that a user can cause."""

from typing import ClassVar


class CellkinError(Exception):
    """What went wrong, where, and what to do about it.

    Args:
        problem: what is wrong, with the value ("label 42 is in the mask but not in man_track.txt").
        place: where it was met ("01_GT/TRA/man_track017.tif", "frame 17").
        remedy: what the user can do.
    """

    code: ClassVar[str] = "ERROR"
    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, *, place: str = "", remedy: str = "") -> None:
        self.problem = problem
        self.place = place
        self.remedy = remedy
        super().__init__(problem, place, remedy)

    def __str__(self) -> str:
        """`place: problem; remedy`, leaving out what is empty."""
        text = f"{self.place}: {self.problem}" if self.place else self.problem
        return f"{text}; {self.remedy}" if self.remedy else text

    def as_dict(self) -> dict[str, str]:
        """What a user needs to mend it, and its code for a program."""
        return {"code": self.code, "problem": self.problem, "place": self.place, "remedy": self.remedy}


class InputError(CellkinError):
    """A file, folder or array that cannot be used as it is."""

    code = "BAD_INPUT"
    exit_code = 3


class TooLargeError(InputError):
    """A file that is larger than can be taken, or says so; it was not read."""

    code = "TOO_LARGE"


class LineageError(InputError):
    """A tracking that is no valid lineage: time runs backward, two parents, a label without a mask."""

    code = "INVALID_LINEAGE"


class NotFoundError(CellkinError):
    """A movie, tracking or track that the store does not hold."""

    code = "NOT_FOUND"
    exit_code = 4


class ConflictError(CellkinError):
    """Something else holds what this operation needs."""

    code = "CONFLICT"
    exit_code = 5


class StoreError(CellkinError):
    """The database cannot be reached, started or trusted."""

    code = "STORE_UNAVAILABLE"
    exit_code = 6
