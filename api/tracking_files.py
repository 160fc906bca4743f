"""GraphQL type of the files of a tracking: what there is, and where."""

from collections.abc import Iterator
from enum import StrEnum

import strawberry

from api.fields import described, resolved, value
from api.table_files import CTC, ZIP
from api.table_form import WRITERS
from api.tables import TableKind


class FileKind(StrEnum):
    """What a file of a tracking holds."""

    TIMESERIES = TableKind.TIMESERIES.value
    DETECTIONS = TableKind.DETECTIONS.value
    TRACKS = TableKind.TRACKS.value
    LINKS = TableKind.LINKS.value
    NAPARI = TableKind.NAPARI.value
    CTC = CTC


class FileForm(StrEnum):
    """How a file is written."""

    PARQUET = ".parquet"
    ARROW = ".arrow"
    CSV = ".csv"
    ZIP = ZIP


strawberry.enum(
    FileKind,
    description="What a file holds: `TIMESERIES` a row a detection with the descent of its track, cell by "
    "cell; `DETECTIONS` a row a detection, frame by frame; `TRACKS` a row a track with the mean of each "
    "feature; `LINKS` a row a link; `NAPARI` a row a detection as napari and inTRACKtive read it; `CTC` "
    "masks and text file of the Cell Tracking Challenge.",
)
strawberry.enum(
    FileForm,
    description="How a file is written: tables as `PARQUET`, `ARROW` (Feather) or `CSV`, masks as `ZIP`.",
)


@described
class TrackingFile:
    """A file of a tracking: made when it is first asked for, and served with `Range` and `ETag`."""

    kind: FileKind = value("What it holds.")
    form: FileForm = value("How it is written.")
    tracking: strawberry.Private[str]

    @resolved()
    def path(self) -> str:
        """Path on this service; a query string may follow, `?frames=20-40&features=area`."""
        return f"/trackings/{self.tracking}/{self.kind}{self.form}"


def files_of(tracking: str) -> Iterator[TrackingFile]:
    """All files of a tracking that has label images: every table in every form, and the masks."""
    for kind in TableKind:
        for form in WRITERS:
            yield TrackingFile(kind=FileKind(kind), form=FileForm(form), tracking=tracking)
    yield TrackingFile(kind=FileKind.CTC, form=FileForm.ZIP, tracking=tracking)
