"""What the node tells of itself: structured logs with ids, and Prometheus metrics."""

from __future__ import annotations

import logging
import sys
from time import perf_counter
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

_RECEIVE_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1)  # seconds


stopwatch = perf_counter
"""Seconds since some instant; for measuring only, never for telling the time."""


def configure_logging(*, level: str, log_format: str) -> None:
    """Send events to standard error, as JSON lines or for a person to read."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


class Metrics:
    """The node's counters, on a registry of their own so that several nodes fit in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._received: dict[tuple[str, bool], Counter] = {}
        self.received = Counter(
            "degnode_messages_received",
            "Messages acknowledged.",
            ["action", "repeat"],
            registry=self.registry,
        )
        self.refused = Counter(
            "degnode_messages_refused", "Messages answered with a NACK.", ["code"], registry=self.registry
        )
        self.api_key_refusals = Counter(
            "degnode_api_key_refusals",
            "Requests to the HTTP APIs that were not let in.",
            ["reason"],
            registry=self.registry,
        )
        self.handled = Counter(
            "degnode_messages_handled", "Messages handled.", ["action", "outcome"], registry=self.registry
        )
        self.delivered = Counter(
            "degnode_deliveries", "Tries to deliver.", ["action", "outcome"], registry=self.registry
        )
        self.back_office_questions = Counter(
            "degnode_back_office_questions",
            "Questions that sellers' back offices were asked.",
            ["office", "outcome"],
            registry=self.registry,
        )
        self.receive_seconds = Histogram(
            "degnode_receive_seconds",
            "From the request's head to the answer.",
            registry=self.registry,
            buckets=_RECEIVE_BUCKETS,
        )
        self.handle_seconds = Histogram(
            "degnode_handle_seconds", "From claim to commit.", registry=self.registry
        )

    def count_received(self, action: str, *, is_repeat: bool) -> None:
        """Count an acknowledged message; the hot path looks its labels up only once."""
        counter = self._received.get((action, is_repeat))
        if counter is None:
            counter = self.received.labels(action, str(is_repeat).lower())
            self._received[action, is_repeat] = counter
        counter.inc()
