"""Zip archives of frames: unpacked as they are, or refused before anything is written."""

import io
import os
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.formats import zipped
from ingest.formats.zipped import TRACKING_SUFFIXES, check_zip, unpack_zip

Members = dict[str, bytes]


def tiff(value: int = 3, shape: tuple[int, int] = (5, 7)) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.full(shape, value, np.uint16))
    return stream.getvalue()


FRAMES: Members = {f"01/t{t:03}.tif": tiff(t) for t in range(3)}


def archive(path: Path, members: Members, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def refusal(path: Path, folder: Path) -> str:
    """Refused when it is looked through and when it is unpacked; nothing is written."""
    with pytest.raises(InputError) as caught:
        unpack_zip(path, folder, TRACKING_SUFFIXES)
    assert not folder.exists()
    with pytest.raises(InputError) as looked:
        check_zip(path)
    assert str(looked.value) == str(caught.value)
    assert caught.value.remedy
    assert caught.value.place == path.name
    return caught.value.problem


def test_frames_are_unpacked_in_their_folders(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {**FRAMES, "01_GT/TRA/man_track.txt": b"1 0 2 0\n"})
    unpack_zip(path, tmp_path / "out", TRACKING_SUFFIXES)
    found = {str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*.*")}
    assert found == {**FRAMES, "01_GT/TRA/man_track.txt": b"1 0 2 0\n"}


def test_a_tracking_with_masks_of_png_is_refused(tmp_path: Path) -> None:
    members = {"01_GT/TRA/man_track000.png": b"", "01_GT/TRA/man_track.txt": b"1 0 2 0\n"}
    assert "whose masks are PNG" in refusal(archive(tmp_path / "a.zip", members), tmp_path / "out")


def test_what_a_desktop_adds_is_passed_over(tmp_path: Path) -> None:
    litter = {"__MACOSX/01/._t000.tif": b"x", "01/.DS_Store": b"x", "01/Thumbs.db": b"x", "01/": b""}
    unpack_zip(archive(tmp_path / "a.zip", {**litter, **FRAMES}), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/01").iterdir()) == [
        "t000.tif",
        "t001.tif",
        "t002.tif",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.tif",
        "/etc/evil.tif",
        "a/../../evil.tif",
        "a//b.tif",
        "./a.tif",
        "..\\evil.tif",
        "C:\\evil.tif",
        "C:/evil.tif",
        "nul\x01.tif",
        "a/b/c/d/e/f/g/h/i.tif",
        f"{'a' * 200}.tif",
        "end. /a.tif",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    assert "no plain path" in refusal(archive(tmp_path / "a.zip", {**FRAMES, name: tiff()}), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    path = archive(tmp_path / "a.zip", FRAMES)
    with zipfile.ZipFile(path, "a") as file:
        member = zipfile.ZipInfo("01/t003.tif")
        member.external_attr = (kind | 0o777) << 16
        file.writestr(member, "/etc/passwd")
    assert "special file" in refusal(path, tmp_path / "out")


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {**FRAMES, "01/run.py": b"import os"})
    assert "'01/run.py'" in refusal(path, tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["01/t000.tif", "01/T000.TIF", "01/t000.tif/t001.tif"])
def test_a_name_twice_is_refused(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "a.zip", FRAMES)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, tiff(9))
    assert "there twice" in refusal(path, tmp_path / "out")


def test_a_bomb_is_refused_by_what_it_announces(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"a.tif": bytes(2**26 + 1)})
    assert "unpack to 67,108,865" in refusal(path, tmp_path / "out")


def test_small_archives_may_be_compressed_as_well_as_they_can(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"a.tif": bytes(2**22)})
    assert path.stat().st_size * zipped.MAX_RATIO < 2**22
    unpack_zip(path, tmp_path / "out")
    assert (tmp_path / "out/a.tif").stat().st_size == 2**22


def forged(path: Path, field: str, value: int) -> Path:
    """An archive of one deflated member, whose directory lies about it."""
    archive(path, {"a.tif": tiff()})
    content = bytearray(path.read_bytes())
    at = {"size": 24, "compressed": 20, "crc": 16, "method": 10, "flags": 8}[field] + content.index(b"PK\1\2")
    form = "<H" if field in ("method", "flags") else "<L"
    struct.pack_into(form, content, at, value)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("compressed", 10**6, "overlap"),
        ("method", 14, "method 14"),
        ("flags", 1, "encrypted"),
    ],
)
def test_a_directory_that_lies_is_refused(tmp_path: Path, field: str, value: int, said: str) -> None:
    assert said in refusal(forged(tmp_path / "a.zip", field, value), tmp_path / "out")


@pytest.mark.parametrize(("field", "value"), [("size", 3), ("size", 10**4), ("crc", 7)])
def test_a_member_is_what_the_directory_says_or_refused(tmp_path: Path, field: str, value: int) -> None:
    with pytest.raises(InputError, match=r"a\.zip"):
        unpack_zip(forged(tmp_path / "a.zip", field, value), tmp_path / "out")
    written = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*.tif"))
    assert written <= len(tiff())


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    """Many entries of one stretch of data: what Fifield's bombs are made of."""
    path = archive(tmp_path / "a.zip", {"a.tif": os.urandom(5000)}, zipfile.ZIP_STORED)
    content = path.read_bytes()
    begin, end = content.index(b"PK\1\2"), content.rindex(b"PK\5\6")
    entries = b"".join(content[begin:end].replace(b"a.tif", b"%c.tif" % (97 + i)) for i in range(20))
    tail = bytearray(content[end:])
    struct.pack_into("<HHL", tail, 8, 20, 20, len(entries))
    path.write_bytes(content[:begin] + entries + tail)
    assert "overlap" in refusal(path, tmp_path / "out")


def test_a_directory_of_millions_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", FRAMES)
    with path.open("r+b") as file:
        content = file.read()
        end = content.rindex(b"PK\5\6")
        file.seek(end + 12)
        file.write(struct.pack("<L", zipped.MAX_DIRECTORY + 1))
        file.truncate(2**28)  # sparse: room for such a directory
        file.seek(2**28 - (len(content) - end))
        file.write(
            content[end : end + 12] + struct.pack("<L", zipped.MAX_DIRECTORY + 1) + content[end + 16 :]
        )
    tracemalloc.start()
    assert "67,108,865 bytes" in refusal(path, tmp_path / "out")
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "MAX_MEMBERS", 2)
    assert "3 members" in refusal(archive(tmp_path / "a.zip", FRAMES), tmp_path / "out")


def test_the_64_bit_directory_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as forced:
        forced.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
        path = archive(tmp_path / "a.zip", FRAMES)
    unpack_zip(path, tmp_path / "out")
    assert len(list((tmp_path / "out/01").iterdir())) == 3
    monkeypatch.setattr(zipped, "MAX_MEMBERS", 2)
    assert "3 members" in refusal(path, tmp_path / "out2")


def test_the_disk_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / "a.zip", FRAMES)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 100}))
    with pytest.raises(InputError, match="bytes that are free"):
        unpack_zip(path, tmp_path / "out")


def test_an_archive_without_frames_is_refused(tmp_path: Path) -> None:
    assert "no TIFF" in refusal(
        archive(tmp_path / "a.zip", {"man_track.txt": b"1 0 2 0\n"}), tmp_path / "out"
    )


def damaged(path: Path, change: Callable[[bytearray], bytes]) -> str | None:
    """What is said of a changed archive; None where it can be read all the same."""
    changed = path.with_name("changed.zip")
    changed.write_bytes(change(bytearray(path.read_bytes())))
    try:
        with TemporaryDirectory() as folder:
            unpack_zip(changed, Path(folder) / "out")
    except InputError as error:
        return error.problem
    return None


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_an_archive_cut_anywhere_is_refused(tmp_path: Path, part: float) -> None:
    path = archive(tmp_path / "a.zip", FRAMES)
    assert damaged(path, lambda content: bytes(content[: int(part * len(content))])) is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(data=st.data())
def test_bytes_changed_anywhere_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = archive(tmp_path / "a.zip", FRAMES)
    size = path.stat().st_size

    def change(content: bytearray) -> bytes:
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, size - 1))] = data.draw(st.integers(0, 255))
        return bytes(content)

    damaged(path, change)
