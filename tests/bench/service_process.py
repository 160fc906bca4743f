"""The service as a user starts it, in a process of its own, and what it uses."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

from graph.server import ServerAddress

START_S = 120


@dataclass(frozen=True)
class ServiceProcess:
    """A running `cellkin serve`.

    Attributes:
        address: of it.
        folder: its data folder.
        process: to look at.
    """

    address: str
    folder: Path
    process: psutil.Process

    @property
    def cpu_s(self) -> float:
        """CPU seconds so far."""
        times = self.process.cpu_times()
        return times.user + times.system

    @property
    def peak_mb(self) -> float:
        """The most memory that it ever held (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1e3


@contextmanager
def serving(server: ServerAddress, folder: Path) -> Iterator[ServiceProcess]:
    """The service on a free loopback port, over this server; ended afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "CELLKIN_NEO4J_URI": server.uri,
        "CELLKIN_NEO4J_USER": server.user,
        "CELLKIN_NEO4J_PASSWORD": server.password,
        "CELLKIN_DATA_FOLDER": str(folder),
        "CELLKIN_PORT": str(port),
    }
    command = [str(Path(sys.executable).with_name("cellkin")), "serve"]
    with subprocess.Popen(
        command, env=os.environ | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as started:
        try:
            found = ServiceProcess(f"http://127.0.0.1:{port}", folder, psutil.Process(started.pid))
            _await(found.address)
            yield found
        finally:
            started.terminate()


def _await(address: str) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            if httpx2.get(f"{address}/healthz").status_code == 200:
                return
        except httpx2.TransportError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)
