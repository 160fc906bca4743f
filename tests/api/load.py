"""A load on the service: clients that ask all the time, and look closely at what they get."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

LINEAGE = """query Lineage($t: ID!) { tracking(id: $t) { track(label: 1) { lineage {
  tracks { label parentId begin end } divisions { frame mother { label } daughters { label } } } } } }"""
NAMES = "{ movies { name frames trackings { id counts { detections tracks } } } }"
UNAVAILABLE = ("STORE_UNAVAILABLE", "TIME_LIMIT", "TOO_BUSY")


@dataclass(frozen=True)
class Question:
    """Something to ask, and whether an answer to it is right.

    Attributes:
        ask: sends it.
        is_right: judges an answer with status 200.
    """

    ask: Callable[[httpx2.Client], httpx2.Response]
    is_right: Callable[[httpx2.Response], bool]


@dataclass
class Load:
    """Clients in threads, each with its own connection; what they saw.

    Attributes:
        right, refused: answers; the refused by code.
        wrong: those that were neither right nor a clean refusal.
        slowest: seconds that the slowest answer took.
    """

    address: str
    questions: list[Question]
    headers: dict[str, str] = field(default_factory=dict)
    right: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, clients: int) -> None:
        self._threads = [threading.Thread(target=self._client, args=(n,)) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def await_right(self, more: int, seconds: float) -> bool:
        """Whether so many more right answers come within the time."""
        wanted, until = self.right + more, time.monotonic() + seconds
        while self.right < wanted and time.monotonic() < until:
            time.sleep(0.1)
        return self.right >= wanted

    def _client(self, number: int) -> None:
        with httpx2.Client(base_url=self.address, headers=self.headers, timeout=60) as client:
            turn = number
            while not self._over.is_set():
                question = self.questions[turn % len(self.questions)]
                begun = time.monotonic()
                try:
                    answer = question.ask(client)
                except httpx2.HTTPError as error:
                    self._note(repr(error), time.monotonic() - begun)
                else:
                    self._judge(question, answer, time.monotonic() - begun)
                turn += 1
                time.sleep(0.01)

    def _judge(self, question: Question, answer: httpx2.Response, seconds: float) -> None:
        if answer.status_code == 200:
            if question.is_right(answer):
                with self._lock:
                    self.right += 1
                    self.slowest = max(self.slowest, seconds)
            else:
                self._note(f"wrong: {answer.text[:500]}", seconds)
            return
        code = code_of(answer)
        if answer.status_code == 503 and code in UNAVAILABLE and answer.headers.get("retry-after"):
            with self._lock:
                self.refused[code] += 1
                self.slowest = max(self.slowest, seconds)
        else:
            self._note(f"{answer.status_code} {code}: {answer.text[:500]}", seconds)

    def _note(self, what: str, seconds: float) -> None:
        with self._lock:
            self.wrong.append(f"{what} after {seconds:.2f} s")


def code_of(answer: httpx2.Response) -> str:
    """The code of the first error in an answer; `none` when it has none."""
    try:
        document = answer.json()
    except ValueError:
        return "none"
    errors = (
        [document["error"]] if "error" in document else [e["extensions"] for e in document.get("errors", [])]
    )
    codes = [str(error["code"]) for error in errors]
    return next((code for code in codes if code in UNAVAILABLE), codes[0] if codes else "none")


def graphql(query: str, is_right: Callable[[Any], bool], **variables: Any) -> Question:
    """A GraphQL question, judged by its data."""
    body = {"query": query, "variables": variables}

    def right(answer: httpx2.Response) -> bool:
        document = answer.json()
        return "errors" not in document and is_right(document["data"])

    return Question(lambda client: client.post("/graphql", json=body), right)


def file(path: str, content: bytes) -> Question:
    """A file by URL, which is always the same."""
    return Question(lambda client: client.get(path), lambda answer: answer.content == content)
