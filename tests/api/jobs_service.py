"""The service as users run it, in a process of its own, with workers, over the session's Neo4j."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import Any

import httpx2
import psutil

from graph.server import ServerAddress

PATIENCE_S = 120.0


class LiveService:
    """A `cellkin serve` that may be killed and started again."""

    def __init__(self, folder: Path, neo4j: ServerAddress, **settings: object) -> None:
        with socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self._environment = {
            "CELLKIN_DATA_FOLDER": str(folder),
            "CELLKIN_NEO4J_URI": neo4j.uri,
            "CELLKIN_NEO4J_PASSWORD": neo4j.password,
            "CELLKIN_PORT": str(self.port),
            "OMP_NUM_THREADS": "1",
            **{f"CELLKIN_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self._log_begins = 0
        self.process = self._started()

    def _started(self) -> subprocess.Popen[str]:
        with (self.folder / "serve.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", "from api.cli import main; main()", "serve"],
                env=os.environ | self._environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
            )
        until(lambda: _answers(self.address) or process.poll() is not None)
        assert process.poll() is None, self.log()
        return process

    def start_again(self) -> None:
        self.process = self._started()

    def renew(self) -> None:
        """As a new one: it runs, no file lies there that was sent, and the log begins here."""
        self._log_begins = (self.folder / "serve.log").stat().st_size
        if self.process.poll() is None and self._works():
            self.kill()
        if self.process.poll() is not None:
            self.start_again()
        for upload in httpx2.get(f"{self.address}/uploads").json()["uploads"]:
            assert httpx2.delete(f"{self.address}/uploads/{upload['id']}").status_code == 204

    def log(self) -> str:
        return (self.folder / "serve.log").read_bytes()[self._log_begins :].decode()

    def worker(self) -> psutil.Process:
        """The process of its worker."""
        return _child(psutil.Process(self.process.pid), "api.worker_main")

    def job_process(self) -> psutil.Process:
        """The process of the job that runs."""
        return _child(self.worker(), "api.job_main")

    def _works(self) -> bool:
        """Whether any job's process runs."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        return any("api.job_main" in child.cmdline() for child in started)

    def kill(self) -> None:
        """At once, without a chance to tidy up; waits until what it had started has ended, too."""
        left = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        psutil.wait_procs(left, PATIENCE_S)
        assert not any(child.is_running() for child in left)

    def end(self) -> None:
        """If it still runs."""
        if self.process.poll() is None:
            self.kill()

    def stop(self) -> int:
        """As Ctrl-C does; its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        document = {"query": query, "variables": variables}
        answer = httpx2.post(f"{self.address}/graphql", json=document, timeout=PATIENCE_S).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def send(self, name: str, content: bytes) -> None:
        assert httpx2.put(f"{self.address}/uploads/{name}", content=content).status_code == 201

    def track(self, upload: str, **more: object) -> str:
        """Hand in a job of the fast tracker; its id."""
        arguments = {"tracker": "LAP", "force": True, **more}
        types = {"tracker": "Tracker!", "force": "Boolean!", "labels": "ID", "name": "String"}
        declared = ", ".join(f"${name}: {types[name]}" for name in arguments)
        given = ", ".join(f"{name}: ${name}" for name in arguments)
        query = f"mutation($upload: ID!, {declared}) {{ track(upload: $upload, {given}) {{ id }} }}"
        job: str = self.ask(query, upload=upload, **arguments)["track"]["id"]
        return job

    def job(self, job: str) -> dict[str, Any]:
        query = """query($id: ID!) { job(id: $id) {
          state attempts cancelling notes
          error { code problem place remedy } progress { step done total }
          trackings { id counts { tracks } movie { name } } } }"""
        found: dict[str, Any] = self.ask(query, id=job)["job"]
        return found

    def await_state(self, job: str, *states: str) -> dict[str, Any]:
        until(lambda: self.job(job)["state"] in states, lambda: f"{self.job(job)}\n{self.log()}")
        return self.job(job)

    def events(self, job: str, last_id: str | None = None) -> Iterator[dict[str, Any]]:
        """What server-sent events tell of a job."""
        headers = {} if last_id is None else {"last-event-id": last_id}
        address = f"{self.address}/jobs/{job}/events"
        with httpx2.stream("GET", address, headers=headers, timeout=PATIENCE_S) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


@contextmanager
def live_service(folder: Path, neo4j: ServerAddress, **settings: object) -> Iterator[LiveService]:
    folder.mkdir()
    service = LiveService(folder, neo4j, **settings)
    try:
        yield service
    finally:
        service.end()


def until(condition: Callable[[], object], told: Callable[[], str] = lambda: "") -> None:
    """Wait until it is so."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, told()
        time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def _child(parent: psutil.Process, module: str) -> psutil.Process:
    found: list[psutil.Process] = []

    def look() -> bool:
        found[:] = [child for child in parent.children() if module in child.cmdline()]
        return bool(found)

    until(look)
    return found[0]
