"""Logs for machines and for people, and numbers for Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog
from prometheus_client import generate_latest

from node.telemetry import Metrics, configure_logging


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    configuration = structlog.get_config()
    yield
    structlog.configure(**configuration)


def test_a_line_of_json_holds_the_event_its_time_and_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", log_format="json")
    log = structlog.get_logger()
    with structlog.contextvars.bound_contextvars(message_id="m-1"):
        log.info("outbox.delivered", attempt=2)
    log.debug("too quiet")
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    entry = json.loads(line)
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {"event": "outbox.delivered", "level": "info", "message_id": "m-1", "attempt": 2}
    assert out == ""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_is_told(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure_logging(level="ERROR", log_format=log_format)
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        structlog.get_logger().exception("worker.step_failed")
    written = capsys.readouterr().err
    assert "worker.step_failed" in written
    assert "ZeroDivisionError" in written


def test_two_nodes_in_one_process_count_for_themselves() -> None:
    one, two = Metrics(), Metrics()
    for is_repeat in (False, True, True):
        one.count_received("confirm", is_repeat=is_repeat)
    name = "degnode_messages_received_total"
    assert one.registry.get_sample_value(name, {"action": "confirm", "repeat": "true"}) == 2
    assert one.registry.get_sample_value(name, {"action": "confirm", "repeat": "false"}) == 1
    assert two.registry.get_sample_value(name, {"action": "confirm", "repeat": "true"}) is None
    assert b"degnode_receive_seconds_bucket" in generate_latest(two.registry)
