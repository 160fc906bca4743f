"""Bad input, a row a case: what it is, and the status that the service has for it.

Files are given to the readers that uploads go through; what is sent as a request is sent. Two rows are played
where their parts are: two trackers on one movie (tests/graph/test_write.py), and a tracker or Neo4j killed at
any moment (tests/graph/test_faults.py, test_faults.py here).
"""

import gzip
import io
import pickle
import struct
import tarfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.lib import format as npy_format

from api.refusals import HTTP_STATUS
from ingest.errors import CellkinError
from ingest.formats.trk import read_trk
from ingest.movie import open_movie
from tests import lineages
from tests.api.service import Service
from tests.api.test_limits import fan_out
from tests.ingest.trk_files import pack, parts, trk_of
from tracker.checkpoint import load_model

MEMORY = 60e6
"""Bytes that a refusal may take."""
SECONDS = 10.0
DRAWING = lineages.generations()
MOVIE = np.random.default_rng(2).integers(0, 900, (3, 12, 19)).astype(np.uint16)


class Harm:
    """What a pickle can do."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("harm.done"),))  # type: ignore[return-value]


@contextmanager
def refused(status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is in here is refused with that status, in little memory and time, and does no harm."""
    monkeypatch.chdir(tmp_path)
    begun = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(CellkinError) as caught:
            yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert HTTP_STATUS.get(caught.value.code, 422) == status, caught.value
    assert caught.value.remedy
    assert peak < MEMORY
    assert time.monotonic() - begun < SECONDS
    assert not (tmp_path / "harm.done").exists()
    assert not (tmp_path.parent / "evil.npy").exists()


def objects(folder: Path) -> Path:
    stream = io.BytesIO()
    np.save(stream, np.array([Harm()], object), allow_pickle=True)
    return trk_of(folder / "a.trk", DRAWING, tracked=stream.getvalue())


def claims_terabytes(folder: Path) -> Path:
    stream = io.BytesIO()
    claim = {"descr": "<f4", "fortran_order": False, "shape": (700_000, 700, 701, 2)}
    npy_format.write_array_header_1_0(stream, claim)
    return trk_of(folder / "a.trk", DRAWING, raw=stream.getvalue() + bytes(640))


def archive_bomb(folder: Path) -> Path:
    (folder / "a.trk").write_bytes(gzip.compress(bytes(2**26)) * 16)
    return folder / "a.trk"


def climbing_member(folder: Path) -> Path:
    return pack(folder / "a.trk", {**parts(DRAWING), "../evil.npy": b"evil"})


def linked_member(folder: Path) -> Path:
    path = pack(folder / "a.trk", parts(DRAWING), "w")
    link = tarfile.TarInfo("raw.npy")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(path, "a") as tar:
        tar.addfile(link)
    return path


def deep_json(folder: Path) -> Path:
    return pack(folder / "a.trk", {**parts(DRAWING), "lineage.json": b"[" * 100_000})


def not_a_number(folder: Path) -> Path:
    return pack(folder / "a.trk", {**parts(DRAWING), "lineage.json": b'{"1": {"label": NaN}}'})


def endless_integer(folder: Path) -> Path:
    return pack(folder / "a.trk", {**parts(DRAWING), "lineage.json": b'{"1": ' + b"9" * 5000 + b"}"})


def huge_tiff(folder: Path) -> Path:
    tifffile.imwrite(folder / "a.tif", MOVIE[0], metadata=None, compression="zlib")
    with tifffile.TiffFile(folder / "a.tif", mode="r+") as tif:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tif.pages.first.tags[tag].overwrite(200_000)
    return folder / "a.tif"


def circular_tiff(folder: Path) -> Path:
    """The last page says that the first one follows."""
    with tifffile.TiffWriter(folder / "a.tif", byteorder="<") as tif:
        for frame in MOVIE:
            tif.write(frame, metadata=None, contiguous=False)
    content = bytearray((folder / "a.tif").read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    at = first
    while True:
        (entries,) = struct.unpack_from("<H", content, at)
        end = at + 2 + 12 * entries
        (following,) = struct.unpack_from("<I", content, end)
        if following == 0:
            break
        at = following
    struct.pack_into("<I", content, end, first)
    (folder / "a.tif").write_bytes(content)
    return folder / "a.tif"


def truncated_tiff(folder: Path) -> Path:
    tifffile.imwrite(folder / "whole.tif", MOVIE, photometric="minisblack", metadata=None, compression="zlib")
    content = (folder / "whole.tif").read_bytes()
    (folder / "a.tif").write_bytes(content[: len(content) * 2 // 3])
    return folder / "a.tif"


def frames_of(path: Path) -> None:
    movie = open_movie(path, axes="TYX")
    for frame in range(len(movie)):
        movie.frame(frame)


def pickled_model(folder: Path) -> Path:
    (folder / "a.safetensors").write_bytes(pickle.dumps(Harm()))
    return folder / "a.safetensors"


FILES: list[tuple[Callable[[Path], Path], Callable[[Path], object], int]] = [
    (objects, read_trk, 422),
    (claims_terabytes, read_trk, 413),
    (archive_bomb, read_trk, 413),
    (climbing_member, read_trk, 422),
    (linked_member, read_trk, 422),
    (deep_json, read_trk, 422),
    (not_a_number, read_trk, 422),
    (endless_integer, read_trk, 422),
    (huge_tiff, frames_of, 413),
    (circular_tiff, frames_of, 422),
    (truncated_tiff, frames_of, 422),
    (pickled_model, load_model, 422),
]


@pytest.mark.parametrize(("make", "read", "status"), FILES, ids=[make.__name__ for make, _, _ in FILES])
def test_a_bad_file_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], Path],
    read: Callable[[Path], object],
    status: int,
) -> None:
    path = make(tmp_path)
    with refused(status, tmp_path, monkeypatch):
        read(path)


def test_a_bomb_of_xml_is_no_calibration(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 10}">' for n in range(12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE OME [{entities}]><OME><Image ID="&e11;"/></OME>'
    tifffile.imwrite(tmp_path / "a.tif", MOVIE, photometric="minisblack", description=bomb, metadata=None)
    begun = time.monotonic()
    tracemalloc.start()
    try:
        movie = open_movie(tmp_path / "a.tif", axes="TYX")
        _, peak = tracemalloc.get_traced_memory()
    except CellkinError:
        _, peak = tracemalloc.get_traced_memory()
    else:
        assert movie.pixel_size is None
    finally:
        tracemalloc.stop()
    assert peak < 3 * MEMORY  # the schema of OME takes most of it
    assert time.monotonic() - begun < SECONDS


REQUESTS: list[tuple[str, bytes, int]] = [
    ("deep JSON", b"[" * 100_000, 422),
    ("NaN", b'{"query": "{ movies { id } }", "variables": {"x": NaN}}', 422),
    ("5000 digits", b'{"query": "{ movies { id } }", "variables": {"x": ' + b"9" * 5000 + b"}}", 422),
    ("not JSON", b"{", 400),
    ("too long", b" " * 300_000, 413),
]


@pytest.mark.neo4j
@pytest.mark.parametrize(("case", "body", "status"), REQUESTS, ids=[case for case, _, _ in REQUESTS])
def test_a_bad_request_is_refused(service: Service, case: str, body: bytes, status: int) -> None:
    begun = time.monotonic()
    answer = service.client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, case
    assert time.monotonic() - begun < SECONDS


@pytest.mark.neo4j
def test_a_body_in_chunks_is_counted_too(service: Service) -> None:
    headers = {"content-type": "application/json"}
    answer = service.client.post("/graphql", content=(b" " * 1000 for _ in range(300)), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "TOO_LARGE"


@pytest.mark.neo4j
def test_a_fan_of_fragments_is_refused(service: Service) -> None:
    query = fan_out(20).replace("Cell", "Query").replace("{cell{...f0}}", "{...f0}")
    assert service.error(query)["extensions"]["code"] == "LIMIT_EXCEEDED"
