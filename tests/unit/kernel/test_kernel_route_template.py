"""What a log says of a request's path: its route, and nothing that stood in its place."""

from __future__ import annotations

from types import SimpleNamespace

from kernel.route_template import route_template


def test_a_request_is_told_by_the_template_of_its_route_and_not_by_its_path() -> None:
    route = SimpleNamespace(path="/notifications/{secret}")
    assert route_template({"path": "/notifications/abc", "route": route}) == "/notifications/{secret}"


def test_a_request_that_led_to_no_route_is_told_by_nothing() -> None:
    assert route_template({"path": "/notifications/abc"}) == ""
    assert route_template({"path": "/static/abc", "route": object()}) == ""
