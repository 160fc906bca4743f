"""What holds for the repository as a whole: package names, locks, the compose file, the README's commands."""

import re
import subprocess
from importlib.metadata import distributions
from typing import Any

import pytest
import yaml

from graph.jars import NEO4J_VERSION
from tests.conftest import REPOSITORY

PACKAGES = ("ingest", "tracker", "graph", "api")


def tracked_files() -> list[str]:
    listing = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files belong to the project")
    return listing.stdout.splitlines()


def test_no_other_distribution_owns_our_package_names() -> None:
    owners = {
        (path.parts[0], distribution.name)
        for distribution in distributions()
        for path in distribution.files or ()
        if path.parts[0].removesuffix(".py") in PACKAGES
    }
    assert {name for _, name in owners} <= {"cellkin"}


def test_every_locked_package_has_a_hash_and_no_address() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (REPOSITORY / name).read_text()
        pinned = re.findall(r"^[a-z0-9._-]+==.*?(?=^[a-z0-9._-]+==|\Z)", text, re.MULTILINE | re.DOTALL)
        assert len(pinned) > 20
        assert [entry for entry in pinned if "--hash=sha256:" not in entry] == []
        assert "://" not in text


def test_no_file_names_a_package_registry() -> None:
    hosts = re.compile(r"pythonhosted[.]org|pypi[.]org|repo1[.]maven|repo[.]maven[.]apache|registry[.]npmjs")
    named = []
    for name in tracked_files():
        content = (REPOSITORY / name).read_bytes()
        if b"\0" not in content and hosts.search(content.decode("utf-8", "replace")):
            named.append(name)
    assert named == []


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    return document


def test_compose_runs_the_same_neo4j_series_as_the_managed_server(compose: dict[str, Any]) -> None:
    series = ".".join(NEO4J_VERSION.split(".")[:2])
    assert compose["services"]["neo4j"]["image"] == f"neo4j:{series}-community"


def test_compose_publishes_on_loopback_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_takes_the_password_from_the_environment(compose: dict[str, Any]) -> None:
    services = compose["services"]
    required = "${CELLKIN_NEO4J_PASSWORD:?"
    assert services["neo4j"]["environment"]["NEO4J_AUTH"].startswith(f"neo4j/{required}")
    assert services["cellkin"]["environment"]["CELLKIN_NEO4J_PASSWORD"].startswith(required)


def test_every_make_command_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z-]+)", (REPOSITORY / "README.md").read_text()))
    assert {"demo", "test"} <= named <= targets
