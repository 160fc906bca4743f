"""What runs beside the requests: begun and ended with the service."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.lifespan import lifespan_of
from api.settings import Settings
from api.upload_sweeper import sweeping
from api.uploads import UploadFolder
from api.workers import environment_of
from ingest.errors import StoreError
from tests.api.sending import LIMITS, sent


def test_companions_begin_in_order_and_end_in_reverse() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def companion(name: str) -> AsyncIterator[None]:
        told.append(f"{name} begins")
        yield
        told.append(f"{name} ends")

    companions = [lambda: companion("first"), lambda: companion("second")]
    with TestClient(Starlette(lifespan=lifespan_of(companions))):
        assert told == ["first begins", "second begins"]
    assert told[2:] == ["second ends", "first ends"]


def test_another_process_reads_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        data_folder=tmp_path,
        neo4j_uri="bolt://here:1",
        neo4j_password=SecretStr("se cret"),
        allowed_hosts=("a.example", "b.example"),
        upload_days=0.5,
        workers=3,
    )
    for name in [name for name in os.environ if name.startswith("CELLKIN_")]:
        monkeypatch.delenv(name)
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_uploads_are_swept_while_the_service_runs(tmp_path: Path, stack: bytes) -> None:
    uploads = UploadFolder(tmp_path, LIMITS)
    for name in ("old", "needed"):
        sent(uploads, name, lambda path: path.write_bytes(stack))
        past = time.time() - LIMITS.keep_s - 60
        for path in [*(tmp_path / name).iterdir(), tmp_path / name]:
            os.utime(path, (past, past))
    answers: list[Callable[[], frozenset[str]]] = [_away, lambda: frozenset({"needed"})]

    async def check() -> None:
        async with sweeping(uploads, lambda: answers.pop(0)() if answers else frozenset({"needed"}), 0.01):
            async with asyncio.timeout(10):
                while [upload.id for upload in uploads.every()] != ["needed"]:
                    await asyncio.sleep(0.01)

    asyncio.run(check())


def _away() -> frozenset[str]:
    raise StoreError("no Neo4j answers")
