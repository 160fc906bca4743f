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
    table: Annotated[
        ExportedTable | None, typer.Option(help="Which table; timeseries if none is named.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a stored tracking to a file: a table, or a Cell Tracking Challenge result."""
    from api.export import check_export, export_tracking
    from api.settings import Settings
    from api.stored import open_store
    from api.table_form import WRITERS
    from api.tables import TableKind

    check_export(output)
    if table and output.suffix not in WRITERS:
        raise typer.BadParameter(
            f"--table {table.value} into {output}, which is for a CTC result: "
            f"leave it out, or name a file that ends in {', '.join(WRITERS)}"
        )
    kind = TableKind(table or ExportedTable.TIMESERIES)
    reporter = Reporter(as_json=as_json)
    with reporter.bars() as bars, open_store(Settings(), bars) as opened:
        export_tracking(opened.store, tracking, output, kind, bars)
    reporter.show(report.exported(tracking, output))
