"""Tables as files: Parquet, Arrow and CSV, a batch at a time; a reader sees all of a file or none."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from api.tables import Table
from ingest.errors import InputError

ROW_GROUP = 128 * 1024
"""Rows that are compressed, and skipped by a reader, together; what is held in memory."""


def write_table(table: Table, path: Path) -> None:
    """Write a table by the suffix of `path`.

    Raises:
        InputError: another suffix.
    """
    if path.suffix not in WRITERS:
        raise InputError(
            f"no table is written as {path.suffix!r}",
            place=str(path),
            remedy=f"end it in {' or '.join(WRITERS)}",
        )
    with whole_file(path) as part:
        WRITERS[path.suffix](table, part)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place to write a file to, that becomes `path` when all has gone well and leaves nothing otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=WRITING) as folder:
        part = Path(folder) / path.name
        yield part
        part.replace(path)


WRITING = ".writing-"
"""How the name of a folder begins in which a file is being written."""


def _write_parquet(table: Table, part: Path) -> None:
    with pyarrow.parquet.ParquetWriter(part, table.schema, compression="zstd") as writer:
        for rows in _groups(table):
            writer.write_table(rows)


def _write_arrow(table: Table, part: Path) -> None:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(part, table.schema, options=options) as writer:
        for rows in _groups(table):
            writer.write_table(rows.combine_chunks())


def _write_csv(table: Table, part: Path) -> None:
    schema = _plain(table.schema)
    with pyarrow.csv.CSVWriter(part, schema) as writer:
        for rows in _groups(table):
            writer.write_table(rows.cast(schema))


WRITERS: Mapping[str, Callable[[Table, Path], None]] = MappingProxyType(
    {".parquet": _write_parquet, ".arrow": _write_arrow, ".csv": _write_csv}
)
"""By the suffix of the file."""


def _groups(table: Table) -> Iterator[pa.Table]:
    """All rows, about `ROW_GROUP` at a time."""
    held: list[pa.RecordBatch] = []
    for batch in table.batches:
        held.append(batch)
        if sum(part.num_rows for part in held) >= ROW_GROUP:
            yield pa.Table.from_batches(held, table.schema)
            held = []
    if held:
        yield pa.Table.from_batches(held, table.schema)


def _plain(schema: pa.Schema) -> pa.Schema:
    """The same without dictionaries, which CSV has no form for."""
    return pa.schema([pa.field(f.name, pa.string()) if pa.types.is_dictionary(f.type) else f for f in schema])
