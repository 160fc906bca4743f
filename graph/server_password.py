"""The password of a managed Neo4j: random, private, told to Neo4j before its first start."""

import hashlib
import secrets
from pathlib import Path

from ingest.errors import StoreError

USER = "neo4j"


def is_new(home: Path) -> bool:
    """Whether no database was ever made in this home."""
    return not (home / "data" / "databases").exists()


def ensure_password(home: Path) -> str:
    """The stored password, or before the first start a new one.

    Raises:
        StoreError: there is a database, and its password is lost.
    """
    file, data = home / "password", home / "data"
    first_start = is_new(home)
    if file.exists():
        password = file.read_text("utf-8").strip()
    elif first_start:
        password = secrets.token_urlsafe(24)
        _write_private(file, password)
    else:
        raise StoreError(
            "the password of this database is lost",
            place=str(file),
            remedy=f"put the file back, or begin with an empty database by deleting {data}",
        )
    if first_start:
        (data / "dbms").mkdir(parents=True, exist_ok=True)
        _write_private(data / "dbms" / "auth.ini", _auth_line(password, secrets.token_bytes(32)))
    return password


def _auth_line(password: str, salt: bytes, iterations: int = 1024) -> str:
    """Neo4j's own record of a user: SHA-256 of salt and password, hashed again and again."""
    digest = hashlib.sha256(salt + password.encode()).digest()
    for _ in range(iterations - 1):
        digest = hashlib.sha256(digest).digest()
    return f"{USER}:SHA-256,{digest.hex()},{salt.hex()},{iterations}:\n"


def _write_private(file: Path, content: str) -> None:
    """Write a file that only this user reads, whole or not at all."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(content, "utf-8")
    part.replace(file)
