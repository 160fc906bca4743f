import hashlib
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer
from typing import TypeVar

import pytest

from graph.jars import NEO4J_VERSION, Jar, default_cache, install_jars, read_lock
from ingest.errors import StoreError

T = TypeVar("T")
FOLDER = f"neo4j-{NEO4J_VERSION}"


class Mirror:
    """A Maven repository on this machine that counts requests, and can be told to spoil some answers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.requests: Counter[str] = Counter()
        self.spoil: Callable[[str, int], bytes | None] = lambda path, times: None

    def add(self, path: str, content: bytes) -> Jar:
        file = self.root / path
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        return Jar(hashlib.sha256(content).hexdigest(), len(content), path)


class Heard:
    """A progress that remembers each step: description, expected and delivered number."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int | None, int]] = []

    def __call__(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        delivered = 0
        for item in items:
            yield item
            delivered += 1
        self.steps.append((description, total, delivered))


class Handler(SimpleHTTPRequestHandler):
    """Serves the mirror's files."""

    def __init__(self, mirror: Mirror, request: object, client: object, server: BaseServer) -> None:
        self.mirror = mirror
        super().__init__(request, client, server, directory=str(mirror.root))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.mirror.requests[self.path] += 1
        spoilt = self.mirror.spoil(self.path, self.mirror.requests[self.path])
        if spoilt is None:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", str(len(spoilt)))
        self.end_headers()
        self.wfile.write(spoilt)
        return None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror that the user's jgo configuration puts in the place of the usual repository."""
    mirror = Mirror(tmp_path / "repository")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, mirror)) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        name_mirror(tmp_path, monkeypatch, server.server_port)
        yield mirror
        server.shutdown()


def name_mirror(folder: Path, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    configuration = folder / "jgo.conf"
    configuration.write_text(f"[repositories]\ncentral = http://127.0.0.1:{port}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(configuration))


@pytest.fixture
def jars(mirror: Mirror) -> list[Jar]:
    names = ("org/a/one/1.0/one-1.0.jar", "org/b/two/2.1/two-2.1-linux.jar", "c/three/3/three-3.jar")
    return [mirror.add(path, path.encode() * (1000 + 7 * n)) for n, path in enumerate(names)]


def test_the_lock_names_each_jar_of_neo4j_and_its_browser_once_and_no_address() -> None:
    lock = read_lock()
    assert len({jar.name for jar in lock}) == len(lock) == 214
    assert f"neo4j-{NEO4J_VERSION}.jar" in {jar.name for jar in lock}
    assert any(jar.name.startswith("neo4j-browser-") for jar in lock)
    assert all(len(bytes.fromhex(jar.sha256)) == 32 and "://" not in jar.path for jar in lock)


@pytest.mark.neo4j
def test_the_usual_cache_holds_what_the_lock_says() -> None:
    files = install_jars(default_cache())
    assert [file.stat().st_size for file in files] == [jar.size for jar in read_lock()]


def test_jars_are_fetched_once_and_then_only_read(mirror: Mirror, jars: list[Jar], tmp_path: Path) -> None:
    first = install_jars(tmp_path / "deep" / "cache", jars)
    again = install_jars(tmp_path / "deep" / "cache", jars)
    assert first == again
    assert [file.read_bytes() for file in first] == [(mirror.root / jar.path).read_bytes() for jar in jars]
    assert set(mirror.requests.values()) == {1}
    assert {file.name for file in first[0].parent.iterdir()} == {jar.name for jar in jars}


def test_an_interrupted_install_goes_on_where_it_stopped(
    mirror: Mirror, jars: list[Jar], tmp_path: Path
) -> None:
    install_jars(tmp_path, jars[:2])
    (tmp_path / FOLDER / "three-3.jar.part").write_bytes(b"half")
    install_jars(tmp_path, jars)
    assert set(mirror.requests.values()) == {1}
    assert {file.name for file in (tmp_path / FOLDER).iterdir()} == {jar.name for jar in jars}


def test_two_installs_at_once_fetch_each_jar_once(mirror: Mirror, jars: list[Jar], tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: install_jars(tmp_path, jars), range(2)))
    assert results[0] == results[1]
    assert set(mirror.requests.values()) == {1}


def test_progress_hears_of_every_jar(jars: list[Jar], tmp_path: Path) -> None:
    heard = Heard()
    install_jars(tmp_path, jars, progress=heard)
    assert heard.steps == [("Fetching Neo4j", 3, 3)]


@pytest.mark.parametrize(
    ("content", "difference"),
    [(b"short", "is 5 bytes long where the lock says 31217"), (b"x" * 31_217, "has sha256 ")],
)
def test_an_altered_jar_is_refused(jars: list[Jar], tmp_path: Path, content: bytes, difference: str) -> None:
    altered = install_jars(tmp_path, jars)[1]
    altered.write_bytes(content)
    with pytest.raises(StoreError, match=r"two-2\.1-linux\.jar") as refusal:
        install_jars(tmp_path, jars)
    assert difference in refusal.value.problem
    assert refusal.value.remedy == "delete it and run again"
    altered.unlink()
    assert altered in install_jars(tmp_path, jars)


def test_an_unexpected_jar_is_refused(jars: list[Jar], tmp_path: Path) -> None:
    stranger = install_jars(tmp_path, jars)[0].with_name("stranger.jar")
    stranger.write_bytes(b"")
    with pytest.raises(StoreError, match=r"stranger\.jar is not in the lock") as refusal:
        install_jars(tmp_path, jars)
    assert (refusal.value.place, refusal.value.remedy) == (str(stranger), "delete it and run again")


def test_a_spoilt_transfer_is_tried_once_more(mirror: Mirror, jars: list[Jar], tmp_path: Path) -> None:
    mirror.spoil = lambda path, times: b"spoilt" if "two" in path and times == 1 else None
    install_jars(tmp_path, jars)
    assert sorted(mirror.requests.values()) == [1, 1, 2]


def test_a_jar_that_comes_spoilt_twice_is_refused_and_the_others_are_kept(
    mirror: Mirror, jars: list[Jar], tmp_path: Path
) -> None:
    mirror.spoil = lambda path, times: b"spoilt" if "two" in path else None
    with pytest.raises(StoreError, match=r"two-2\.1-linux\.jar, newly fetched, is 6 bytes long"):
        install_jars(tmp_path, jars)
    assert not list((tmp_path / FOLDER).glob("two*"))
    mirror.spoil = lambda path, times: None
    install_jars(tmp_path, jars)
    assert mirror.requests["/org/a/one/1.0/one-1.0.jar"] == 1


def test_a_jar_that_the_repository_lacks_is_named(mirror: Mirror, jars: list[Jar], tmp_path: Path) -> None:
    (mirror.root / jars[2].path).unlink()
    with pytest.raises(StoreError, match=r"three-3\.jar, newly fetched, did not come: 404"):
        install_jars(tmp_path, jars)


def test_without_a_network_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:  # bound, but it does not listen
        nobody.bind(("127.0.0.1", 0))
        name_mirror(tmp_path, monkeypatch, nobody.getsockname()[1])
        with pytest.raises(StoreError, match="Connection refused") as failure:
            install_jars(tmp_path, [Jar("0" * 64, 1, "a/b/1/b-1.jar")])
    assert "HTTPS_PROXY" in failure.value.remedy


def test_a_cache_that_cannot_be_written_is_named(jars: list[Jar], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be stored: Not a directory") as failure:
        install_jars(tmp_path / "file" / "cache", jars)
    assert str(tmp_path / "file") in failure.value.place
