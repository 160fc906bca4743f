"""GraphQL types of where something is: at a detection, in a range of frames."""

import strawberry

from api.cells import Detection, detection_of
from api.context import Info
from api.fields import described, from_record, resolved, value
from api.lineages import Track
from graph import records
from ingest.errors import InputError


@described
class Place:
    """A detection that an error is at, or that a link joins to another."""

    record: strawberry.Private[records.PlaceRecord]
    id: strawberry.ID = value("Id of the detection.")
    frame: int = value("Zero-based frame.")
    label: int = value("Value of the cell in the frame's label image.")
    y: float | None = value("Row of the centroid, pixel.")
    x: float | None = value("Column of the centroid, pixel.")

    @classmethod
    def of(cls, record: records.PlaceRecord) -> "Place":
        """The place of a record."""
        return from_record(cls, record, record=record)

    @resolved()
    async def detection(self, info: Info) -> Detection:
        """All that was measured of the cell there."""
        return await detection_of(info, self.record.id)

    @resolved()
    async def track(self, info: Info) -> Track:
        """The track of the detection."""
        return Track.of(await info.context.loaders.track.load(self.record.track))


@strawberry.input(description="Frames from the first to the last, both included.")
class FrameRange:
    """Frames from the first to the last, both included."""

    begin: int = strawberry.field(description="First frame.")
    end: int = strawberry.field(description="Last frame.")

    @property
    def span(self) -> tuple[int, int]:
        """First and last frame.

        Raises:
            InputError: there is no frame between them.
        """
        if not 0 <= self.begin <= self.end:
            raise InputError(
                f"frames {self.begin} to {self.end}",
                place="a range of frames",
                remedy="count frames from 0, and give the first before the last",
            )
        return self.begin, self.end


def span_of(frames: FrameRange | None) -> tuple[int, int] | None:
    """First and last frame of a range; None where none is given.

    Raises:
        InputError: there is no frame between them.
    """
    return None if frames is None else frames.span
