"""Links that open one file for a while, for programs that can send no header: `pandas.read_parquet(url)`."""

import os
import secrets
import time
from pathlib import Path

from itsdangerous import BadSignature, URLSafeSerializer

from api.refusals import UnauthenticatedError
from ingest.errors import InputError

DEFAULT_MINUTES = 60
MAX_MINUTES = 7 * 24 * 60
KEY_FILE = "signing.key"


class Signer:
    """Signs paths of the service with the key of its data folder, which is made where there is none.

    Removing the file, and starting the service anew, makes all links worthless.

    Args:
        folder: of the data.
    """

    def __init__(self, folder: Path) -> None:
        self._serializer = URLSafeSerializer(_key(folder / KEY_FILE), salt="cellkin.link")

    def signed(self, path: str, minutes: int = DEFAULT_MINUTES) -> str:
        """The path with `?token=`, which reads this path and no other.

        Args:
            path: of the service, such as `/trackings/t1/timeseries.parquet`, or with `?…`.
            minutes: that the link is good for.

        Raises:
            InputError: it is no path, or the time is not 1 minute to 7 days.
        """
        if not path.startswith("/") or path.startswith("//") or not path.isprintable():
            raise InputError(f"{path[:80]!r} is no path of this service", remedy="begin it with one /")
        if not 1 <= minutes <= MAX_MINUTES:
            raise InputError(f"{minutes} minutes", remedy=f"ask for 1 to {MAX_MINUTES} minutes")
        bare, _, query = path.partition("?")
        token = self._serializer.dumps([bare, int(time.time()) + 60 * minutes])
        return f"{bare}?{query}&token={token}" if query else f"{bare}?token={token}"

    def check(self, path: str, token: str) -> None:
        """See that the token of a link is of this path and still good.

        Raises:
            UnauthenticatedError: it is not.
        """
        try:
            signed, expires = self._serializer.loads(token)
        except (BadSignature, ValueError, TypeError) as error:
            raise UnauthenticatedError(
                "this link is not one that the service has signed", remedy="ask for a new one: signedUrl"
            ) from error
        if signed != path or time.time() >= expires:
            problem = "this link has expired" if signed == path else "this link is of another path"
            raise UnauthenticatedError(problem, remedy="ask for a new one: signedUrl")


def _key(file: Path) -> str:
    """The key in the file; of two processes that make it at once, one wins, and both read the same."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(secrets.token_urlsafe(32))
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text()
