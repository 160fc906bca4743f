"""Settings come from CELLKIN_… variables, and a bad one is named."""

import os
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.settings import MAX_DAYS, Settings
from api.upload_routes import upload_routes
from api.uploads import UploadFolder
from ingest.errors import InputError


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CELLKIN_")]:
        monkeypatch.delenv(name)


def test_without_variables_all_is_local_and_managed() -> None:
    settings = Settings()
    assert settings.neo4j_uri is None
    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.data_folder.is_absolute()
    assert settings.data_folder != settings.cache_folder


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLKIN_DATA_FOLDER", "~/cells")
    monkeypatch.setenv("CELLKIN_NEO4J_URI", "neo4j+s://lab.example.org")
    monkeypatch.setenv("CELLKIN_NEO4J_USER", "reader")
    monkeypatch.setenv("CELLKIN_NEO4J_PASSWORD", "a secret")
    monkeypatch.setenv("CELLKIN_NEO4J_DATABASE", "lineages")
    monkeypatch.setenv("CELLKIN_ALLOWED_HOSTS", "microscope.example.org, cells")
    monkeypatch.setenv("CELLKIN_TABLES_GB", "0.25")
    settings = Settings()
    assert settings.tables_limit == 250_000_000
    assert settings.data_folder == Path.home() / "cells"
    credentials = settings.credentials
    assert (credentials.uri, credentials.user) == ("neo4j+s://lab.example.org", "reader")
    assert (credentials.password, credentials.database) == ("a secret", "lineages")
    assert settings.allowed_hosts == ("microscope.example.org", "cells")


def test_the_options_of_a_command_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLKIN_HOST", "10.0.0.7")
    monkeypatch.setenv("CELLKIN_PORT", "9001")
    assert Settings.with_address(None, 9002).base_url == "http://10.0.0.7:9002"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://localhost:8000"),  # noqa: S104
        ("::", "http://localhost:8000"),
        ("::1", "http://[::1]:8000"),
    ],
)
def test_the_address_is_one_that_a_browser_can_open(host: str, url: str) -> None:
    assert Settings.with_address(host, None).base_url == url


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("CELLKIN_PORT", "65536", "'65536'.*less than or equal to 65535"),
        ("CELLKIN_PORT", "http", "'http'.*integer"),
        ("CELLKIN_NEO4J_URI", "http://localhost:7474", "begin it with one of bolt://"),
        ("CELLKIN_AUTH", "off", "'off'.*required.*loopback-open"),
        ("CELLKIN_LOG_FORMAT", "xml", "'xml'.*console.*json"),
        ("CELLKIN_ALLOWED_ORIGINS", "lab.example.org", "'lab.example.org' is no origin"),
        ("CELLKIN_ALLOWED_ORIGINS", "https://a.example,*", r"'\*' is no origin"),
        ("CELLKIN_ALLOWED_ORIGINS", "https://a.example/", "'https://a.example/' is no origin"),
        ("CELLKIN_ALLOWED_HOSTS", "cells,*lab.org", r"'\*lab.org' is no name; write \*\.lab\.org"),
        ("CELLKIN_TABLES_GB", "inf", "'inf'.*less than or equal to 1000000"),
        ("CELLKIN_TABLES_GB", "1000001", "'1000001'.*less than or equal to 1000000"),
        ("CELLKIN_UPLOAD_DAYS", "inf", "'inf'.*less than or equal to 36500"),
        ("CELLKIN_UPLOAD_DAYS", "1e7", "'1e7'.*less than or equal to 36500"),
        ("CELLKIN_UPLOAD_DAYS", "nan", "'nan' is not allowed"),
        ("CELLKIN_UPLOAD_DAYS", "0", "'0'.*greater than 0"),
        ("CELLKIN_ADMIN_TOKEN", "sesame", "at least 32 random"),
    ],
)
def test_a_bad_variable_is_named_with_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=problem) as caught:
        Settings()
    assert caught.value.place == name
    assert caught.value.remedy


def test_the_longest_that_uploads_stay_is_a_date(tmp_path: Path, stack: bytes) -> None:
    uploads = UploadFolder.of(Settings(data_folder=tmp_path, upload_days=MAX_DAYS))
    client = TestClient(Starlette(routes=upload_routes(uploads, set)))
    assert client.put("/uploads/a", content=stack).status_code == 201
    assert client.get("/uploads").json()["uploads"][0]["sweptAfter"] > "2100"


def test_a_neo4j_of_ones_own_needs_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLKIN_NEO4J_URI", "bolt://localhost")
    with pytest.raises(InputError, match="CELLKIN_NEO4J_PASSWORD is not set"):
        _ = Settings().credentials


def test_no_password_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLKIN_NEO4J_URI", "bolt://localhost")
    monkeypatch.setenv("CELLKIN_NEO4J_PASSWORD", "a secret")
    assert "a secret" not in repr(Settings())
    assert "a secret" not in repr(Settings().credentials)
