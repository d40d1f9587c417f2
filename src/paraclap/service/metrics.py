"""What operators watch, as Prometheus reads it: requests, batches, decoders, texts and the process."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Count in a registry of its own, so that several services in one process do not share numbers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        labels = ("route", "method", "status")
        self.requests = Counter("paraclap_requests", "Requests answered.", labels, registry=self._registry)
        self.seconds = Histogram(
            "paraclap_request_seconds", "From request to answer.", ("route",), registry=self._registry, buckets=_SECONDS
        )
        self.in_flight = Gauge("paraclap_in_flight", "Requests that wait or are worked on.", registry=self._registry)
        self.batches = Histogram(
            "paraclap_batch_clips", "Clips encoded together.", registry=self._registry, buckets=_SIZES
        )
        self.audio_seconds = Counter("paraclap_audio_seconds", "Seconds of audio taken in.", registry=self._registry)
        self.decoders_replaced = Counter(
            "paraclap_decoders_replaced", "Decoders that were ended.", ("reason",), registry=self._registry
        )
        self.texts = Counter(
            "paraclap_texts", "Lists of texts asked, and if they were known.", ("known",), registry=self._registry
        )

    def count_request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.requests.labels(route, method, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def render(self) -> bytes:
        """Return all numbers as text."""
        return generate_latest(self._registry)
