"""What the resolvers of one request share."""

from dataclasses import dataclass
from functools import cached_property

import strawberry
from anyio import CapacityLimiter

from api.exchange import Exchange
from api.job_desk import JobDesk
from api.limits import Limits
from api.loaders import Loaders
from api.signing import DEFAULT_MINUTES, Signer
from graph.store import LineageStore


@dataclass(eq=False)
class Context:
    """The store, and loaders that live as long as the request.

    Attributes:
        store: what is asked; its methods block, so they run in worker threads.
        limits: the most that the request may read.
        scoring: how many scores the service computes at once, over all requests.
        exchange: the request itself, and who asks.
        signer: of links to files.
        connection_params: what a WebSocket's first message says.
        jobs: where jobs are handed in and followed.
    """

    store: LineageStore
    limits: Limits
    scoring: CapacityLimiter
    exchange: Exchange
    signer: Signer
    jobs: JobDesk
    connection_params: dict[str, object] | None = None

    def signed(self, path: str, minutes: int = DEFAULT_MINUTES) -> str:
        """A path of the service as a link that needs no header: `/trackings/t1/tracks.csv?token=…`."""
        return self.signer.signed(path, minutes)

    @cached_property
    def loaders(self) -> Loaders:
        """One set a request: a loader remembers what it has read."""
        return Loaders(self.store, self.limits.detections)


Info = strawberry.Info[Context, None]
