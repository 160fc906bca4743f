"""Links for programs that can send no header, by GraphQL."""

from datetime import UTC, datetime, timedelta

from api.context import Info
from api.fields import described, resolved, value
from api.signing import DEFAULT_MINUTES
from ingest.errors import InputError

SIGNABLE = "/trackings/"
"""Files by URL stand below this; no other path is opened by a link."""


@described
class SignedUrl:
    """An address that reads one file without a token in a header, until it expires."""

    url: str = value("Path on this service with `?token=`: put the service's address before it.")
    expires: datetime = value("When it opens nothing any more.")


@described
class LinkQueries:
    """Links to files."""

    @resolved()
    async def signed_url(self, info: Info, path: str, minutes: int = DEFAULT_MINUTES) -> SignedUrl | None:
        """A link to a file of a tracking, `/trackings/…`, good for so many minutes, a week at most."""
        if not path.startswith(SIGNABLE):
            raise InputError(f"{path[:80]!r} is no file of a tracking", remedy=f"begin it with {SIGNABLE}")
        await info.context.loaders.tracking.load(path.removeprefix(SIGNABLE).partition("/")[0])
        expires = datetime.now(UTC) + timedelta(minutes=min(max(minutes, 0), 10**6))
        return SignedUrl(url=info.context.signed(path, minutes), expires=expires)
