"""A tracking as the Cell Tracking Challenge's result folder, in one zip file."""

import tempfile
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from graph.store import LineageStore
from ingest.formats.ctc import write_result
from ingest.progress import Progress, silent

FOLDER = "01_RES"
"""Of the masks within the zip: where the challenge's programs look for the result of sequence 01."""
PIECE = 1 << 20
"""Bytes that are copied at a time."""


def write_ctc_zip(store: LineageStore, tracking_id: str, path: Path, progress: Progress = silent) -> None:
    """Write masks and text file of a stored tracking; the same tracking gives the same bytes.

    Args:
        store: that holds it.
        tracking_id: of which.
        path: of the zip; its folder holds the masks for a while too.
        progress: told of each mask.

    Raises:
        NotFoundError: there is no such tracking, or its label images are not here.
    """
    labels = store.labels(tracking_id)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".masks-") as name:
        folder = Path(name) / FOLDER
        write_result(store.tracking_graph(tracking_id), labels, folder, progress=progress)
        with ZipFile(path, "w", ZIP_STORED) as archive:  # the masks are compressed already
            for file in sorted(folder.iterdir()):
                _add(archive, file)


def _add(archive: ZipFile, file: Path) -> None:
    entry = ZipInfo(f"{FOLDER}/{file.name}")  # its date is 1980's, so that nothing depends on the clock
    entry.file_size = file.stat().st_size
    with file.open("rb") as source, archive.open(entry, "w") as target:
        while piece := source.read(PIECE):
            target.write(piece)
