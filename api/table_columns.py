"""Columns of tables as Arrow has them: types, units, and what pandas should know."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from api.columns import UNITS, Column, with_units
from api.table_query import TableQuery
from graph.bulk import Cells, no_cells
from graph.records import MovieRecord, TimeSeries, TrackingRecord
from ingest.errors import InputError
from ingest.measure import CALIBRATED
from ingest.tracking_graph import BoolArray, IntArray

TYPES = {
    **dict.fromkeys(("frame", "label", "generation", "begin", "end", "frames"), pa.int32()),
    **dict.fromkeys(("minutes", "y", "x", "y_um", "x_um"), pa.float64()),
}
"""Type of each measured column; a feature is float32, which holds whole numbers up to 16 million."""
ALWAYS = ("frame", "label", "minutes")
"""Columns that say which cell it is, and so are there whatever features are asked for."""


class Measured:
    """The measured columns of a tracking that a table shows, in the order in which it shows them.

    Args:
        tracking: of which.
        movie: its movie, for the calibration.
        query: names of those that are shown, in order, and in what ranges they are.

    Attributes:
        names: of the columns.
        features: what must be read for them.

    Raises:
        InputError: one of them was not measured.
    """

    def __init__(self, tracking: TrackingRecord, movie: MovieRecord, query: TableQuery) -> None:
        self._movie, self._ranges = movie, query.where
        known = [name for name in self.columns(no_cells(tracking.features).rows) if name not in ALWAYS]
        looked_at = [name for name, *_ in query.where]
        for name in [*(query.features or ()), *looked_at]:
            if name not in known:
                raise InputError(
                    f"{name[:80]!r} was not measured",
                    place=f"tracking {tracking.id}",
                    remedy=f"ask for any of {', '.join(known)}",
                )
        self.names = tuple(known if query.features is None else query.features)
        needed = {*self.names, *looked_at}
        self.features = tuple(
            name for name in tracking.features if {name, CALIBRATED.get(name, (name,))[0]} & needed
        )

    def columns(self, rows: TimeSeries) -> Mapping[str, Column]:
        """Everything that is known of some detections, by name, each (N,)."""
        return with_units(rows, self._movie.pixel_size, self._movie.minutes_per_frame)

    def within(self, parts: Iterator[Cells]) -> Iterator[Cells]:
        """Of all cells those in the ranges, as the table shows them: a value may be given back as a bound."""
        if not self._ranges:
            return parts
        return (cells.where(self._inside(cells)) for cells in parts)

    def _inside(self, cells: Cells) -> BoolArray:
        columns = self.columns(cells.rows)
        inside = np.ones(len(cells), np.bool_)
        for name, *bounds in self._ranges:
            shown, (least, most) = as_shown(name, columns[name]), as_shown(name, np.array(bounds))
            inside &= (shown >= least) & (shown <= most)
        return inside

    def shown(self, rows: TimeSeries) -> dict[str, Column]:
        """Frame, label, time and the columns that are wanted, each (N,)."""
        columns = self.columns(rows)
        order = [name for name in ALWAYS if name in columns] + list(self.names)
        return {name: columns[name] for name in order}


def record_batch(arrays: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """A batch of columns whose fields say their units.

    pandas would turn integers with a null into floats; told so, it reads them as integers that may be
    missing: those are `parent` and what ends in it.
    """
    fields = [pa.field(name, array.type, metadata=_unit(name)) for name, array in arrays.items()]
    nullable = [_nullable(name) for name in arrays if name in ("parent", "parent_label")]
    pandas = {"index_columns": [], "column_indexes": [], "columns": nullable}
    schema = pa.schema(fields, metadata={"pandas": json.dumps(pandas)})
    return pa.record_batch(list(arrays.values()), schema=schema)


def numbers(name: str, column: Column) -> pa.Array:
    """A column in its type; NaN is null."""
    return pa.array(column, from_pandas=True).cast(TYPES.get(name, pa.float32()))


def as_shown(name: str, values: Column) -> npt.NDArray[np.floating[Any]]:
    """Values of a measured column, rounded as its type does it; infinite beyond what that holds."""
    with np.errstate(over="ignore"):
        return values.astype(TYPES.get(name, pa.float32()).to_pandas_dtype())


def probabilities(column: Column) -> pa.Array:
    """A column of probabilities; NaN is null."""
    return pa.array(column, from_pandas=True)


def ids(column: IntArray) -> pa.Array:
    """A column of ids; what is negative is null."""
    return pa.array(column, mask=column < 0)


def constant(value: str, count: int) -> pa.Array:
    """One text, that many times."""
    return pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([value], pa.string()))


def _nullable(name: str) -> dict[str, str | None]:
    return {
        "name": name,
        "field_name": name,
        "pandas_type": "int64",
        "numpy_type": "Int64",
        "metadata": None,
    }


def _unit(name: str) -> dict[str, str]:
    unit = UNITS.get(name) or UNITS.get(name.removesuffix("_mean"))
    return {"unit": unit} if unit else {}
