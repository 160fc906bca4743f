"""Stored trackings out again: tables, Cell Tracking Challenge results, pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from api.plot import plot_lineages, save
from api.tables import FORMATS, time_series_table, write_table
from graph.store import LineageStore
from ingest.errors import InputError, NotFoundError
from ingest.formats.ctc import track_labels, write_result
from ingest.progress import Progress, silent
from ingest.tracking_graph import IntArray, TrackingGraph


def export_tracking(store: LineageStore, tracking_id: str, output: Path, progress: Progress = silent) -> None:
    """Write a stored tracking as Parquet or CSV, by the suffix of `output`, else as a CTC result folder.

    Raises:
        NotFoundError: there is no such tracking, or no label images, which a CTC result needs.
        InputError: `output` cannot be written.
    """
    if output.suffix in FORMATS:
        tracking = store.tracking(tracking_id)
        movie = store.movie(tracking.movie_id)
        write_table(time_series_table(store.tracking_graph(tracking_id), tracking, movie), output)
    elif output.suffix:
        raise InputError(
            f"no tracking is written as {output.suffix!r}",
            place=str(output),
            remedy=f"end it in {' or '.join(FORMATS)}, or in nothing for a CTC result folder",
        )
    else:
        labels = store.labels(tracking_id)
        write_result(store.tracking_graph(tracking_id), labels, output, progress=progress)


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
        InputError: another kind of picture.
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
