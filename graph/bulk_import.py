"""An export as the Parquet files that Neo4j's own import takes: three fifths of what writing costs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from graph.batches import TrackRows
from graph.records import ROW_BITS
from ingest.errors import InputError
from ingest.tracking_graph import LinkKind, TrackingGraph

# Nodes have the numbers that Neo4j itself will give them: what it need not look up costs a third less.
_TRACK = (":ID", "id", "tracking", "label", "begin", "end", "founder", "generation", "parent", "name")
_DETECTION = (":ID", "id", "frame", "label", "y", "x")
_HAS = (":START_ID", ":END_ID")
_LINK = (*_HAS, "probability")
_DIVIDES = (*_LINK, "name")
_PLAIN_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)

Columns = Sequence[Any]


class ImportFiles:
    """The files of some trackings, and the arguments that name them.

    The nodes of trackings and movies, few as they are, come the usual way afterwards.

    Args:
        folder: for the files; there, and empty.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[str] = []
        self._nodes = 0

    def add(self, graph: TrackingGraph, number: int) -> None:
        """Write a tracking's detections, tracks and links.

        Args:
            graph: the tracking.
            number: that it will have in the store.

        Raises:
            InputError: a feature has a name that has a meaning in such files.
        """
        rows, cells = TrackRows(graph, number), graph.detections
        features = _plain_names(cells.features)
        first, row = number << ROW_BITS, np.arange(len(cells))
        cell, of_track = self._nodes, self._nodes + len(cells)  # the first node of either kind
        place = [cells.frame, cells.label, cells.y, cells.x, *cells.features.values()]
        self._write("nodes", "Detection", (*_DETECTION, *features), [cell + row, first + row, *place])
        track = rows.track_columns(slice(0, len(graph.tracks)))
        names = ("track", "track_label", "begin", "end", "founder", "generation", "parent", "name")
        one, label, *others = (track[name] for name in names)
        nodes = of_track + np.arange(len(one))
        self._nodes = of_track + len(one)
        self._write("nodes", "Track", _TRACK, [nodes, one, [number] * len(one), label, *others])
        self._write("relationships", "HAS", _HAS, [of_track + graph.tracks.of_detection, cell + row])
        probability = np.full(len(graph.links), np.nan) if graph.probability is None else graph.probability
        for kind in LinkKind:
            of_kind = graph.kind == kind
            ends = cell + graph.links[of_kind]
            self._write("relationships", kind.name, _LINK, [ends[:, 0], ends[:, 1], probability[of_kind]])
        for part in rows.divisions():
            ends = [of_track - first + np.array(part[f"{name}_track"]) for name in ("mother", "daughter")]
            self._write("relationships", "DIVIDES_INTO", _DIVIDES, [*ends, part["probability"], part["name"]])

    def arguments(self) -> Iterator[str]:
        """Of `neo4j-admin database import full`."""
        yield from ("--id-type=actual", "--input-type=parquet")
        yield from self._files  # nodes by their numbers, ascending

    def _write(self, what: str, label: str, names: Sequence[str], columns: Columns) -> None:
        if not len(columns[0]):
            return
        file = self._folder / f"{what}-{label}-{len(self._files)}.parquet"
        arrays = [pa.array(column, from_pandas=True) for column in columns]
        pyarrow.parquet.write_table(
            pa.table(arrays, names=list(names)), file, compression="none", use_dictionary=False
        )
        self._files.append(f"--{what}={label}={file}")


def _plain_names(features: Mapping[str, object]) -> Sequence[str]:
    for name in features:
        if not _PLAIN_NAME.fullmatch(name):
            raise InputError(
                f"a feature is called {name!r}, which an import cannot name",
                place="features",
                remedy="restore without --offline",
            )
    return list(features)
