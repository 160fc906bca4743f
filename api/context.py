"""What the resolvers of one request share."""

from dataclasses import dataclass
from functools import cached_property

import strawberry
from anyio import CapacityLimiter

from api.job_desk import JobDesk
from api.limits import Limits
from api.loaders import Loaders
from graph.store import LineageStore


@dataclass(frozen=True)
class Context:
    """The store, and loaders that live as long as the request.

    Attributes:
        store: what is asked; its methods block, so they run in worker threads.
        limits: the most that the request may read.
        scoring: how many scores the service computes at once, over all requests.
        jobs: where jobs are handed in and followed.
    """

    store: LineageStore
    limits: Limits
    scoring: CapacityLimiter
    jobs: JobDesk

    @cached_property
    def loaders(self) -> Loaders:
        """One set a request: a loader remembers what it has read."""
        return Loaders(self.store, self.limits.detections)


Info = strawberry.Info[Context, None]
