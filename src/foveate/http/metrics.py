"""What `/metrics` tells Prometheus. Each server has a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The counters of one server; units stand in the names."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(namespace="foveate", registry=self.registry)
        self.requests = Counter(
            "foveate_requests",
            "Requests answered.",
            ["endpoint", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "foveate_request_seconds",
            "From a request's headers to its answer.",
            ["endpoint"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._counted: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.pictures = Counter("foveate_pictures", "Pictures answered.", registry=self.registry)
        self.refused = Counter(
            "foveate_refused", "Requests that found no room (503).", registry=self.registry
        )
        self.waiting = Gauge("foveate_waiting_pictures", "Pictures in the house.", registry=self.registry)
        self.ready = Gauge("foveate_ready", "1 while new requests are welcome.", registry=self.registry)
        self.decode_seconds = Histogram(
            "foveate_decode_seconds",
            "Decoding and fitting one picture.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.network_seconds = Histogram(
            "foveate_network_seconds",
            "Running the network on one batch.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.batch_pictures = Histogram(
            "foveate_batch_pictures",
            "Pictures in a batch.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=self.registry,
        )

    def count(self, endpoint: str, status: int, seconds: float) -> None:
        """One answered request."""
        key = endpoint, status  # of a handful: names of our own functions, and what they answer with
        if key not in self._counted:
            self._counted[key] = (
                self.requests.labels(endpoint, str(status)),
                self.request_seconds.labels(endpoint),
            )
        requests, request_seconds = self._counted[key]
        requests.inc()
        request_seconds.observe(seconds)

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
