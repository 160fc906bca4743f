"""What the service counts, for Prometheus; a registry of its own for each application."""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
COSTS = (10, 100, 1_000, 3_000, 10_000, 30_000, 100_000, 250_000)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Metrics:
    """Counts requests by route and status, their durations, GraphQL's errors and costs, and the store's use.

    Args:
        transactions: tells how many the store runs now.
    """

    def __init__(self, transactions: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._requests = Counter(
            "cellkin_requests",
            "Requests by the template of their route.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "cellkin_request_seconds",
            "From the arrival of a request to the end of its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "cellkin_requests_in_flight", "Requests that are worked on.", registry=self.registry
        )
        self._errors = Counter(
            "cellkin_errors", "Errors in answers, by code.", ("code",), registry=self.registry
        )
        self._cost = Histogram(
            "cellkin_graphql_cost",
            "Values that a GraphQL query may give, as the limits reckon.",
            buckets=COSTS,
            registry=self.registry,
        )
        store = Gauge(
            "cellkin_store_transactions",
            "Transactions that run now, each with one connection of the pool.",
            registry=self.registry,
        )
        store.set_function(transactions)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that has been answered."""
        known = method if method in METHODS else "OTHER"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_error(self, code: str) -> None:
        """Count an error by its code."""
        self._errors.labels(code).inc()

    def count_cost(self, cost: int) -> None:
        """Count the cost of a query that was measured, refused or not."""
        self._cost.observe(min(cost, 10**12))

    def text(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self.registry)
