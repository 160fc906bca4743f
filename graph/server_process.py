"""The Java process of the managed Neo4j: started apart from us, found again, never mistaken for another."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import psutil

from graph.server_config import Ports

_STOP_GRACE_S = 30.0
_KILL_GRACE_S = 10.0


@dataclass(frozen=True)
class ServerProcess:
    """What is kept of a started server.

    Args:
        pid: its process id, which the system may give to another process after its end.
        token: random word on its command line, which no other process has. (A process's start time would
            tell them apart too, but it moves when the clock is set.)
        bolt, http: its ports.
    """

    pid: int
    token: str
    bolt: int
    http: int

    @classmethod
    def spawn(
        cls, command: Sequence[str], environment: Mapping[str, str], home: Path, token: str, ports: Ports
    ) -> Self:
        """Start the process in a session of its own: it outlives us and hears no Ctrl-C."""
        with (home / "logs" / "console.log").open("wb") as console:
            child = subprocess.Popen(  # noqa: S603 - our own command line
                command,
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child.returncode = 0  # handed over: Popen would complain that a child outlives it
        return cls(child.pid, token, ports.bolt, ports.http)

    @classmethod
    def load(cls, file: Path) -> Self | None:
        """The process that `save` wrote, or None when there is none or the file is not whole."""
        try:
            return cls(**json.loads(file.read_text("utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, file: Path) -> None:
        """Write the state file, whole or not at all."""
        part = file.with_name(f"{file.name}.part")
        part.write_text(json.dumps(asdict(self)), "utf-8")
        part.replace(file)

    def find(self) -> psutil.Process | None:
        """The live process, or None when it has ended or its id now belongs to another."""
        try:
            process = psutil.Process(self.pid)
            ours = f"-Dcellkin.server={self.token}" in process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None
        return process if ours else None

    def listens(self) -> bool:
        """Whether this very process, and no other, holds the Bolt port."""
        process = self.find()
        try:
            sockets = process.net_connections("tcp") if process else []
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
        return any(s.status == psutil.CONN_LISTEN and s.laddr.port == self.bolt for s in sockets)

    def stop(self, grace_s: float = _STOP_GRACE_S) -> bool:
        """Ask it to end, and after the grace time end it. True when it was running."""
        process = self.find()
        if process is None:
            return False
        try:
            process.terminate()
            process.wait(grace_s)
        except psutil.NoSuchProcess:
            pass
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(_KILL_GRACE_S)
        return True
