"""Fixtures that all tests share: the real movies, and one real Neo4j for the session."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real movies: `$CELLKIN_TEST_DATA`, or `../shared/data` beside the repository."""
    folder = Path(os.environ.get("CELLKIN_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"no real movies at {folder}: set CELLKIN_TEST_DATA to the folder that holds ctc/ and scored/"
        )
    return folder
