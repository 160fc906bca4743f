"""An export as the CSV files that Neo4j's own import takes: half of what writing into a server costs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from graph.batches import TrackRows
from graph.records import ROW_BITS
from ingest.errors import InputError
from ingest.tracking_graph import LinkKind, TrackingGraph

_TRACK = (
    "id:ID(T){id-type:long},tracking:long,label:long,begin:long,end:long,founder:long,generation:long,"
    "parent:long,name"
)
_DETECTION = "id:ID(D){id-type:long},frame:long,label:long,y:double,x:double"
_HAS = ":START_ID(T),:END_ID(D)"
_LINK = ":START_ID(D),:END_ID(D),probability:double"
_DIVIDES = ":START_ID(T),:END_ID(T),probability:double,name"
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
        self._groups: dict[tuple[str, str], list[Path]] = {}

    def add(self, graph: TrackingGraph, number: int) -> None:
        """Write a tracking's detections, tracks and links.

        Args:
            graph: the tracking.
            number: that it will have in the store.

        Raises:
            InputError: a feature has a name that has a meaning in such files.
        """
        rows, cells = TrackRows(graph, number), graph.detections
        features = _header_of(cells.features)
        first, count = number << ROW_BITS, len(cells)
        ids = first + np.arange(count)
        place = [cells.frame, cells.label, cells.y, cells.x, *cells.features.values()]
        self._write("nodes", "Detection", _DETECTION + features, [ids, *place])
        track = rows.track_columns(slice(0, len(graph.tracks)))
        names = ("track", "track_label", "begin", "end", "founder", "generation", "parent", "name")
        one, label, *others = (track[name] for name in names)
        self._write("nodes", "Track", _TRACK, [one, [number] * len(one), label, *others])
        self._write("relationships", "HAS", _HAS, [first + graph.tracks.of_detection, ids])
        probability = np.full(len(graph.links), np.nan) if graph.probability is None else graph.probability
        for kind in LinkKind:
            of_kind = graph.kind == kind
            ends = first + graph.links[of_kind]
            self._write("relationships", kind.name, _LINK, [ends[:, 0], ends[:, 1], probability[of_kind]])
        for part in rows.divisions():
            columns = [part[name] for name in ("mother_track", "daughter_track", "probability", "name")]
            self._write("relationships", "DIVIDES_INTO", _DIVIDES, columns)

    def arguments(self) -> Iterator[str]:
        """Of `neo4j-admin database import full`."""
        for number, ((kind, header), files) in enumerate(self._groups.items()):
            what, label = kind.split()
            head = self._folder / f"header-{number}.csv"
            head.write_text(header + "\n", "utf-8")
            yield f"--{what}={label}={','.join(map(str, [head, *files]))}"

    def _write(self, what: str, label: str, header: str, columns: Columns) -> None:
        if not len(columns[0]):
            return
        files = self._groups.setdefault((f"{what} {label}", header), [])
        file = self._folder / f"{what}-{label}-{len(self._groups)}-{len(files)}.csv"
        arrays = [pa.array(column, from_pandas=True) for column in columns]
        table = pa.table(arrays, names=[str(number) for number in range(len(arrays))])
        pyarrow.csv.write_csv(table, file, pyarrow.csv.WriteOptions(include_header=False))
        files.append(file)


def _header_of(features: Mapping[str, object]) -> str:
    for name in features:
        if not _PLAIN_NAME.fullmatch(name):
            raise InputError(
                f"a feature is called {name!r}, which an import cannot name",
                place="features",
                remedy="restore without --offline",
            )
    return "".join(f",{name}:double" for name in features)
