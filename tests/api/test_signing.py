"""Links that open one path for a while."""

import stat
import time
from pathlib import Path

import pytest

from api.refusals import UnauthenticatedError
from api.signing import KEY_FILE, MAX_MINUTES, Signer
from ingest.errors import InputError

PATH = "/trackings/t1/tracks.parquet"


def token_of(link: str) -> str:
    return link.rpartition("token=")[2]


def test_a_link_is_of_its_path_until_it_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = Signer(tmp_path)
    link = signer.signed(PATH, minutes=7)
    assert link.startswith(f"{PATH}?token=")
    now = time.time()
    monkeypatch.setattr("api.signing.time.time", lambda: now + 7 * 60 - 5)
    signer.check(PATH, token_of(link))
    with pytest.raises(UnauthenticatedError, match="of another path"):
        signer.check("/trackings/t2/tracks.parquet", token_of(link))
    monkeypatch.setattr("api.signing.time.time", lambda: now + 7 * 60 + 1)
    with pytest.raises(UnauthenticatedError, match="has expired"):
        signer.check(PATH, token_of(link))


def test_what_follows_the_path_stays_and_is_not_signed(tmp_path: Path) -> None:
    signer = Signer(tmp_path)
    link = signer.signed(f"{PATH}?features=area")
    assert link.startswith(f"{PATH}?features=area&token=")
    signer.check(PATH, token_of(link))


@pytest.mark.parametrize("token", ["", "x", "a.b", "é", "W10.x", "." * 10_000])
def test_what_was_not_signed_is_refused(tmp_path: Path, token: str) -> None:
    with pytest.raises(UnauthenticatedError, match="not one that the service has signed"):
        Signer(tmp_path).check(PATH, token)


def test_every_changed_character_is_noticed(tmp_path: Path) -> None:
    signer = Signer(tmp_path)
    token = token_of(signer.signed(PATH))
    for at in range(0, len(token) - 1, 7):  # the last one has bits that do not count
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(UnauthenticatedError):
            signer.check(PATH, changed)


def test_the_key_is_made_once_and_for_nobody_elses_eyes(tmp_path: Path) -> None:
    link = Signer(tmp_path / "data").signed(PATH)
    Signer(tmp_path / "data").check(PATH, token_of(link))
    file = tmp_path / "data" / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [found.name for found in file.parent.iterdir()] == [KEY_FILE]
    with pytest.raises(UnauthenticatedError):
        Signer(tmp_path / "other").check(PATH, token_of(link))


@pytest.mark.parametrize(
    ("path", "minutes"),
    [("trackings/t1", 5), ("//evil.example/x", 5), ("/a\nb", 5), (PATH, 0), (PATH, MAX_MINUTES + 1)],
)
def test_what_is_not_signed_at_all(tmp_path: Path, path: str, minutes: int) -> None:
    with pytest.raises(InputError):
        Signer(tmp_path).signed(path, minutes)
