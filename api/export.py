"""Stored trackings out again: tables, Cell Tracking Challenge results, pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from api.cli_output import check_file, whole_file, writing
from api.ctc_zip import write_ctc_zip
from api.plot import plot_lineages, save
from api.table_files import SUFFIXES, ZIP
from api.table_form import WRITERS, write_table
from api.tables import Source, TableKind, open_table
from graph.store import LineageStore
from ingest.errors import InputError, NotFoundError
from ingest.formats.ctc import check_result_folder, track_labels, write_result
from ingest.progress import Progress, silent
from ingest.tracking_graph import IntArray, TrackingGraph


def export_tracking(
    store: LineageStore,
    tracking_id: str,
    output: Path,
    kind: TableKind = TableKind.TIMESERIES,
    progress: Progress = silent,
) -> None:
    """Write a table of a stored tracking, or its CTC result as a zip or a folder, by the suffix of `output`.

    Args:
        store: that holds it.
        tracking_id: of which.
        output: ends in .parquet, .arrow or .csv; in .zip; or in nothing for a folder.
        kind: which table.
        progress: told of each mask.

    Raises:
        NotFoundError: there is no such tracking, or no label images, which a CTC result needs.
        InputError: `output` cannot be written.
    """
    check_export(output)
    tracking = store.tracking(tracking_id)
    if output.suffix in WRITERS:
        source = Source(store, tracking, store.movie(tracking.movie_id))
        with writing(output):
            write_table(open_table(source, kind), output)
    elif output.suffix == ZIP:
        with whole_file(output) as part:
            write_ctc_zip(store, tracking_id, part, progress)
    else:
        labels = store.labels(tracking_id)
        write_result(store.tracking_graph(tracking_id), labels, output, progress=progress)


def check_export(output: Path) -> None:
    """Refuse now what `export_tracking` would refuse after a start of the database.

    Raises:
        InputError: `output` cannot be written, or not as what its suffix says.
    """
    if output.suffix and output.suffix not in SUFFIXES:
        raise InputError(
            f"no tracking is written as {output.suffix!r}",
            place=str(output),
            remedy=f"end it in {', '.join(WRITERS)} or {ZIP}, or in nothing for a CTC result folder",
        )
    if output.suffix:
        check_file(output, SUFFIXES, makes_folders=True)
    else:
        check_result_folder(output)


def draw_lineages(
    graph: TrackingGraph,
    output: Path,
    *,
    founders: Sequence[int] = (),
    minutes_per_frame: float | None = None,
    title: str = "",
) -> None:
    """Draw lineage trees into a file.

    Args:
        graph: the tracking.
        output: ends in .png, .svg or .pdf.
        founders: labels of founder tracks; the largest lineages when empty.
        minutes_per_frame: for an axis in hours; frames when None.
        title: written above.

    Raises:
        NotFoundError: no founder has such a label.
        InputError: another kind of picture, or it cannot be written.
    """
    labels = track_labels(graph)
    rows = _founders(graph, labels, founders) if founders else None
    figure = plot_lineages(
        graph, founders=rows, names=labels, minutes_per_frame=minutes_per_frame, title=title
    )
    save(figure, output)


def _founders(graph: TrackingGraph, labels: IntArray, wanted: Sequence[int]) -> IntArray:
    """(F,) rows of the founders with these labels, in this order."""
    rows = []
    for label in wanted:
        found = np.flatnonzero((labels == label) & (graph.tracks.parent < 0))
        if len(found) == 0:
            raise NotFoundError(
                f"no founder track has label {label}",
                place="the tracking",
                remedy="give the label of a track without a parent",
            )
        rows.append(int(found[0]))
    return np.array(rows, np.int64)
