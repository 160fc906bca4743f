"""Archives that are damaged or forged: refused within bounds, before anything is believed."""

import gzip
import io
import os
import shutil
import tarfile
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy_format

from ingest.errors import CellkinError, InputError
from ingest.formats import trk_archive
from ingest.formats.trk import read_trk
from tests import lineages
from tests.ingest.trk_files import npy, pack, parts, trk_of

DRAWING = lineages.generations()


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_trk(path)
    assert caught.value.remedy
    assert str(path) in caught.value.place
    return str(caught.value)


def header(shape: tuple[int, ...], descr: object = "<i4") -> bytes:
    stream = io.BytesIO()
    npy_format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


class RunsCode:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, ("unpickled",)


def test_an_array_of_objects_is_never_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    objects = np.array([RunsCode()], object)
    stream = io.BytesIO()
    np.save(stream, objects, allow_pickle=True)
    assert "Python objects" in refusal(trk_of(tmp_path / "a.trk", DRAWING, tracked=stream.getvalue()))
    assert not (tmp_path / "unpickled").exists()


def test_a_header_of_terabytes_is_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    claim = header((70_000, 700, 701, 15)) + b"\0" * 640
    path = trk_of(tmp_path / "a.trk", DRAWING, raw=claim)
    tracemalloc.start()
    try:
        message = refusal(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "raw.npy" in message
    assert "2,060,940,000,000 bytes, where there are 640" in message
    assert peak < 20e6


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no .npy header"),
        (b"\x93NUMPY\x01\x00", "no .npy header"),
        (b"\x93NUMPY\x09\x00" + npy(np.ones(3))[8:], "no .npy header"),
        (npy(np.ones((4, 5, 6, 1)))[:-3], "where there are 957"),
        (header((2, -3, -4, 5)) + bytes(480), r"\(2, -3, -4, 5\)"),
        (header((2, 0, 4, 5)), r"\(2, 0, 4, 5\)"),
        (header(()) + bytes(4), "raw data of shape"),
        (header((3,), [("a", "<i4")]) + bytes(12), "values of type"),
        (npy(np.array([[["cell"]]])), "values of type"),
        (b"\x93NUMPY\x01\x00\x90\x01" + b"(" * 400, "no .npy header"),
    ],
    ids=["empty", "cut", "version", "short", "negative", "zero", "scalar", "record", "text", "deep"],
)
def test_an_array_is_what_its_header_says(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_trk(trk_of(tmp_path / "a.trk", DRAWING, raw=content))


def test_a_megabyte_that_unpacks_to_a_gigabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.trk"
    path.write_bytes(gzip.compress(bytes(2**26)) * 16)
    size = path.stat().st_size
    assert size < 1.1e6
    unpacked = int(refusal(path).split("unpack to more than ")[1].split(";")[0].replace(",", ""))
    assert 199 * size < unpacked < 200 * size


def test_no_more_is_unpacked_than_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = trk_of(tmp_path / "a.trk", DRAWING)
    monkeypatch.setattr(trk_archive, "MAX_UNPACKED", 30_000)
    assert "unpack to more than" in refusal(path)


def test_the_disk_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = trk_of(tmp_path / "a.trk", DRAWING)
    little = shutil.disk_usage(tmp_path)._replace(free=30_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: little)
    assert "more than the 27,000 bytes free" in refusal(path)


def test_lineages_of_any_length_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trk_archive, "MAX_LINEAGES", 100)
    assert "bytes of lineages" in refusal(trk_of(tmp_path / "a.trk", DRAWING))


def with_member(path: Path, member: tarfile.TarInfo, replaced: str = "") -> Path:
    """A sound archive with one more member, in the place of another."""
    members = {name: content for name, content in parts(DRAWING).items() if name != replaced}
    pack(path, members, "w")
    with tarfile.open(path, "a") as tar:
        tar.addfile(member, io.BytesIO(bytes(member.size)))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, 0 if target else 6
    return info


@pytest.mark.parametrize(
    "foreign",
    [
        member("../../evil"),
        member("/tmp/evil"),  # noqa: S108  # a name in the archive
        member("notes.txt"),
        member("raw.npy", tarfile.SYMTYPE, "/etc/passwd"),
        member("raw.npy", tarfile.LNKTYPE, "tracked.npy"),
        member("raw.npy", tarfile.DIRTYPE),
        member("raw.npy", tarfile.FIFOTYPE),
        member("raw.npy", tarfile.CHRTYPE),
        member("raw.npy", tarfile.GNUTYPE_SPARSE),
    ],
    ids=["upward", "absolute", "more", "symlink", "hardlink", "folder", "pipe", "device", "sparse"],
)
def test_only_the_expected_members_are_taken(tmp_path: Path, foreign: tarfile.TarInfo) -> None:
    said = refusal(with_member(tmp_path / "a.trk", foreign, foreign.name))
    assert foreign.name in said or "cannot be read" in said
    assert list(tmp_path.iterdir()) == [tmp_path / "a.trk"]


def test_a_member_twice_is_refused(tmp_path: Path) -> None:
    said = refusal(with_member(tmp_path / "a.trk", member("raw.npy")))
    assert "'raw.npy' for the second time" in said


def test_both_kinds_of_lineages_are_refused(tmp_path: Path) -> None:
    assert "both" in refusal(with_member(tmp_path / "a.trk", member("lineages.json")))


@pytest.mark.parametrize("missing", ["lineage.json", "raw.npy", "tracked.npy"])
def test_a_missing_member_is_named(tmp_path: Path, missing: str) -> None:
    members = {name: content for name, content in parts(DRAWING).items() if name != missing}
    said = refusal(pack(tmp_path / "a.trk", members))
    assert f"no {missing.replace('lineage', 'lineages')}" in said


def test_a_header_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    long = tarfile.TarInfo("comment")
    long.type, long.size = tarfile.XHDTYPE, 2**33
    path = tmp_path / "a.trk"
    path.write_bytes(long.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    assert "8,589,934,592 bytes" in refusal(path)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"[" * 100_000, "recursion"),
        (b'{"a":' * 100_000, "recursion"),
        (b'{"1": {"frames": [NaN]}}', "NaN is no number"),
        (b'{"1": {"frames": [-Infinity]}}', "-Infinity is no number"),
        (b'{"1": {"frames": [' + b"7" * 5000 + b"]}}", "digits"),
        (b'{"1": {"frames": [0]}, "1": {"frames": [1]}}', "key '1' twice"),
        (b'{"1": {"frames": [0]', "delimiter"),
        (b'{"\xff": 1}', "decode"),
        (b"", "Expecting value"),
    ],
    ids=["lists", "objects", "nan", "infinity", "digits", "twice", "cut", "bytes", "empty"],
)
def test_lineages_that_are_no_json_are_refused(tmp_path: Path, document: bytes, said: str) -> None:
    message = refusal(trk_of(tmp_path / "a.trk", DRAWING, lineage=document))
    assert "lineage.json" in message
    assert said in message


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, mode: str) -> None:
    whole = pack(tmp_path / "a.trk", parts(DRAWING), mode).read_bytes()
    # tar ends with empty blocks, which need not be there
    last = len(whole) - 1 if mode == "w:gz" else len(whole.rstrip(b"\0")) - 1
    for length in [0, 1, 2, 300, *range(600, last, last // 9), last]:
        (tmp_path / "cut.trk").write_bytes(whole[:length])
        refusal(tmp_path / "cut.trk")


WHOLE = parts(lineages.division())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_bytes_changed_anywhere_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.trk"
    changed = bytearray(pack(path, WHOLE, "w").read_bytes())
    heads = [at for at in range(0, len(changed), 512) if changed[at : at + 512].strip(b"\0")]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.sampled_from(heads)) + data.draw(st.integers(0, 511))
        changed[min(at, len(changed) - 1)] = data.draw(st.integers(0, 255))
    path.write_bytes(changed)
    with suppress(CellkinError):
        read_trk(path)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "a.trk")
    (tmp_path / "b.trk").mkdir()
    assert "no such file" in refusal(tmp_path / "b.trk")
