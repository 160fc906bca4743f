"""Why an upload is not taken."""

from ingest.errors import CellkinError, ConflictError


class NoRoomError(CellkinError):
    """More bytes than there is room for, among the other uploads or on the disk."""

    code = "NO_ROOM"


class WrongOffsetError(ConflictError):
    """Bytes that do not follow on those that are here.

    Attributes:
        offset: bytes that are here, which the next ones must follow on.
    """

    code = "WRONG_OFFSET"

    def __init__(self, problem: str, offset: int, *, place: str) -> None:
        super().__init__(problem, place=place, remedy=f"go on from byte {offset:,}, or send all anew")
        self.offset = offset


class UnclearRequestError(CellkinError):
    """Headers that do not say what is sent, or contradict each other."""

    code = "BAD_REQUEST"
