"""Java's archive of Neo4j's classes: when it is used, recorded, adopted and made anew."""

import os
import time
from pathlib import Path

import psutil
import pytest

from graph import class_archive
from graph.class_archive import ClassArchive, adopt_record
from graph.jars import default_cache, install_jars
from graph.server import ManagedServer, ServerAddress

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
    (option,) = [option for option in archive.recording() if "ArchiveClassesAtExit" in option]
    return Path(option.partition("=")[2])


@pytest.mark.neo4j
@pytest.mark.skipif(not psutil.LINUX, reason="what a process has mapped is known on Linux")
def test_a_server_uses_what_another_has_recorded(neo4j_server: ServerAddress) -> None:
    cache = default_cache()
    archive = ClassArchive(cache, install_jars(cache))
    assert archive.exists()
    port = int(neo4j_server.uri.rpartition(":")[2])
    held = [found for found in psutil.net_connections("tcp") if found.status == psutil.CONN_LISTEN]
    (pid,) = {found.pid for found in held if found.laddr and found.laddr.port == port}
    mapped = {Path(found.path) for found in psutil.Process(pid).memory_maps()}
    assert set(archive.folder.glob("*.jsa")) < mapped


def test_what_is_recorded_is_used_once_it_is_whole(archive: ClassArchive) -> None:
    assert archive.options() == []
    command = ["java", *archive.recording()]
    assert archive.options() == []  # Java's own classes alone are no gain
    adopt_record(command)  # the server was killed before it wrote anything
    record = record_of(archive)
    record.write_bytes(bytes(len(WHOLE)))  # or while it wrote
    adopt_record(command)
    assert not archive.exists()
    record.write_bytes(WHOLE)
    adopt_record(command)
    assert archive.exists()
    assert archive.recording() == archive.options() != []
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


def test_without_space_or_permission_a_server_starts_without_it(
    archive: ClassArchive, jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ClassArchive(jar, [jar]).recording() == []  # no folder can be made there
    monkeypatch.setattr(class_archive, "_NEEDED_MB", 10**9)
    assert archive.recording() == []
    assert not archive.folder.exists()


def test_archives_that_are_not_made_for_long_go(archive: ClassArchive, tmp_path: Path) -> None:
    old, recent = tmp_path / "classes-old", tmp_path / "classes-recent"
    for folder, days in ((old, 31), (recent, 29)):
        folder.mkdir()
        (folder / "java.jsa").touch()
        made = time.time() - days * 86_400
        os.utime(folder, (made, made))
    archive.recording()
    assert not old.exists()
    assert recent.exists()


@pytest.mark.neo4j
def test_a_start_that_was_broken_off_has_recorded_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (folder,) = {file.parent for file in install_jars(default_cache())}
    (cache / folder.name).symlink_to(folder)
    server = ManagedServer(tmp_path / "home", cache)
    with pytest.raises(Exception, match="did not answer"):
        server.start(timeout_s=0.3)
    archive = ClassArchive(cache, install_jars(cache))
    assert archive.recording() != []
    assert not archive.exists()
