"""Java's archive of Neo4j's classes: when it is used, recorded, adopted and made anew."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psutil
import pytest

from graph import class_archive, server
from graph.class_archive import ClassArchive, adopt_record
from graph.jars import default_cache, install_jars
from graph.server import ServerAddress
from graph.server_process import STOP_GRACE_S, ServerProcess

WHOLE = bytes.fromhex("a8ab0bf0") + b"classes"


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    file = tmp_path / "one.jar"
    file.write_bytes(b"classes")
    return file


@pytest.fixture
def archive(tmp_path: Path, jar: Path) -> ClassArchive:
    return ClassArchive(tmp_path, [jar])


def record_of(archive: ClassArchive) -> Path:
    """Where a server that is started now records its classes."""
    (option,) = [option for option in archive.prepare() if "ArchiveClassesAtExit" in option]
    return Path(option.partition("=")[2])


@pytest.mark.neo4j
@pytest.mark.skipif(not psutil.LINUX, reason="what a process has mapped is known on Linux")
def test_a_server_uses_what_another_has_recorded(neo4j_server: ServerAddress) -> None:
    cache = default_cache().resolve()
    archive = ClassArchive(cache, install_jars(cache))
    assert archive.exists()
    port = int(neo4j_server.uri.rpartition(":")[2])
    held = [found for found in psutil.net_connections("tcp") if found.status == psutil.CONN_LISTEN]
    (pid,) = {found.pid for found in held if found.laddr and found.laddr.port == port}
    mapped = {Path(found.path) for found in psutil.Process(pid).memory_maps()}
    assert set(archive.folder.glob("*.jsa")) < mapped


def test_what_is_recorded_is_used_once_it_is_whole(archive: ClassArchive) -> None:
    assert archive.options() == []
    command = ["java", *archive.prepare()]
    assert archive.options() == []  # Java's own classes alone are no gain
    adopt_record(command)  # the server was killed before it wrote anything
    record = record_of(archive)
    record.write_bytes(bytes(len(WHOLE)))  # or while it wrote
    adopt_record(command)
    assert not archive.exists()
    record.write_bytes(WHOLE)
    adopt_record(command)
    assert archive.exists()
    assert archive.prepare() == archive.options() != []
    (used,) = [option for option in archive.options() if "SharedArchiveFile" in option]
    assert used.endswith(f"{archive.folder}/java.jsa:{archive.folder}/neo4j.jsa")
    adopt_record(["java", *archive.options()])
    adopt_record([])


def test_other_jars_have_another_archive(archive: ClassArchive, tmp_path: Path, jar: Path) -> None:
    assert ClassArchive(tmp_path, [jar]).folder == archive.folder
    os.utime(jar, (1, 1))
    assert ClassArchive(tmp_path, [jar]).folder != archive.folder
    assert ClassArchive(tmp_path, []).folder != archive.folder


def test_an_archive_that_builds_on_another_is_recorded_anew(archive: ClassArchive) -> None:
    record_of(archive).with_suffix("").write_bytes(WHOLE)
    assert archive.exists()
    (archive.folder / "java.jsa").unlink()
    assert record_of(archive) == archive.folder / "neo4j.jsa.new"
    assert not archive.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_an_archive_that_others_keep_to_themselves_is_none(archive: ClassArchive) -> None:
    record_of(archive).with_suffix("").write_bytes(WHOLE)
    archive.folder.chmod(0o000)
    assert archive.prepare() == archive.options() == []
    archive.folder.chmod(0o500)
    (archive.folder / "neo4j.jsa").chmod(0o000)
    assert archive.prepare() == []
    archive.folder.chmod(0o700)


def test_without_space_or_permission_a_server_starts_without_it(
    archive: ClassArchive, jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ClassArchive(jar, [jar]).prepare() == []  # no folder can be made there
    monkeypatch.setattr(class_archive, "_NEEDED_MB", 10**9)
    assert archive.prepare() == []
    assert not archive.folder.exists()


def test_archives_that_are_not_made_for_long_go(archive: ClassArchive, tmp_path: Path) -> None:
    old, recent = tmp_path / "classes-old", tmp_path / "classes-recent"
    for folder, days in ((old, 31), (recent, 29)):
        folder.mkdir()
        (folder / "java.jsa").touch()
        made = time.time() - days * 86_400
        os.utime(folder, (made, made))
    archive.prepare()
    assert not old.exists()
    assert recent.exists()


@dataclass
class EndingServer:
    """Stands for a server's process that writes its record when it is stopped."""

    command: list[str]
    listens: bool
    record: Path
    patience_s: float = 0

    def stop(self, grace_s: float) -> None:
        self.patience_s = grace_s
        self.record.write_bytes(WHOLE)


@pytest.mark.parametrize("ready", [True, False])
def test_only_a_server_that_was_ready_has_recorded_what_others_load(
    archive: ClassArchive, ready: bool
) -> None:
    ending = EndingServer(archive.prepare(), ready, record_of(archive))
    server._end(cast("ServerProcess", ending))
    assert archive.exists() == ready
    assert ending.patience_s > STOP_GRACE_S
    usual = EndingServer([], True, ending.record)
    server._end(cast("ServerProcess", usual))
    assert usual.patience_s == STOP_GRACE_S
