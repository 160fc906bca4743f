"""The command line: stored trackings into files."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api import report
from api.cli_options import AsJson
from api.console import Reporter


class ExportedTable(StrEnum):
    """A table by its name, as `api.tables.TableKind` has it, which takes long to import."""

    TIMESERIES = "timeseries"
    DETECTIONS = "detections"
    TRACKS = "tracks"
    LINKS = "links"
    NAPARI = "tracks-napari"


def export(
    tracking: Annotated[str, typer.Argument(help="Id of a stored tracking.")],
    output: Annotated[
        Path,
        typer.Argument(
            help="NAME.parquet, NAME.arrow or NAME.csv for a table; NAME.zip, or a folder, for a CTC result."
        ),
    ],
    table: Annotated[ExportedTable, typer.Option(help="Which table.")] = ExportedTable.TIMESERIES,
    as_json: AsJson = False,
) -> None:
    """Write a stored tracking to a file: a table, or a Cell Tracking Challenge result."""
    from api.export import export_tracking
    from api.settings import Settings
    from api.stored import open_store
    from api.tables import TableKind

    reporter = Reporter(as_json=as_json)
    with reporter.bars() as bars, open_store(Settings(), bars) as opened:
        export_tracking(opened.store, tracking, output, TableKind(table), bars)
    reporter.show(report.exported(tracking, output))
