"""Contexts from elsewhere: only from allowed places, within a size and a time, and once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from time import sleep

import httpx
import pytest

from schemas.jsonld import JsonLd, JsonLdContextUnknown
from schemas.packs import bundled_packs
from schemas.remote_contexts import JsonLdContextUnavailable, RemoteContexts, RemoteContextsMisconfigured
from tests.support.tls_server import TlsServer, tls_server

_CONTEXT = {"@context": {"height": "https://town.example/height"}}


def _answer(request: BaseHTTPRequestHandler) -> None:
    path, _, target = request.path.partition("?to=")
    bodies = {
        "/open/good": json.dumps(_CONTEXT),
        "/open/nested": json.dumps({"@context": ["good", {"width": "https://town.example/width"}]}),
        "/open/outward": json.dumps({"@context": ["../closed/good"]}),
        "/open/empty": "{}",
        "/open/text": "no JSON",
        "/open/deep": "[" * 100_000,
        "/open/large": json.dumps({"@context": {}, "padding": "x" * 5_000}),
        "/closed/good": json.dumps(_CONTEXT),
    }
    try:
        if target:
            request.send_response(302)
            request.send_header("Location", target)
            request.end_headers()
        elif path == "/open/slow":
            request.send_response(200)
            request.end_headers()
            for _ in range(20):
                request.wfile.write(b" ")
                sleep(0.05)
        elif body := bodies.get(path):
            request.send_response(200)
            request.end_headers()
            request.wfile.write(body.encode())
        else:
            request.send_error(404)
    except (BrokenPipeError, ConnectionResetError, OSError):
        """The client has heard enough."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsServer]:
    with tls_server(tmp_path, _answer) as running:
        yield running


@pytest.fixture
def remote(server: TlsServer) -> RemoteContexts:
    return RemoteContexts(
        [f"{server.url}/open/"], max_bytes=1_000, timeout=timedelta(seconds=0.3), client=server.client
    )


def test_a_context_below_an_allowed_address_is_fetched_once(
    server: TlsServer, remote: RemoteContexts
) -> None:
    reader = JsonLd(bundled_packs(), remote)
    for height in (1, 2):
        document = {"@context": f"{server.url}/open/good", "height": height}
        assert reader.expand(document) == [{"https://town.example/height": [{"@value": height}]}]
    assert server.asked == ["/open/good"]


def test_a_context_may_name_others_below_an_allowed_address(
    server: TlsServer, remote: RemoteContexts
) -> None:
    reader = JsonLd(bundled_packs(), remote)
    document = {"@context": f"{server.url}/open/nested", "height": 1, "width": 2}
    assert len(reader.expand(document)[0]) == 2
    with pytest.raises(JsonLdContextUnknown, match="/closed/good may not be fetched"):
        reader.expand({"@context": f"{server.url}/open/outward", "height": 1})


def test_the_contexts_of_the_package_are_not_asked_for_elsewhere(
    server: TlsServer, remote: RemoteContexts
) -> None:
    reader = JsonLd(bundled_packs(), remote)
    assert reader.expand({"@context": bundled_packs()[0].contexts[0], "sourceMeterId": "7"})
    assert server.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "{url}/closed/good",
        "{url}/open/../closed/good",
        "{url}/open/%2e%2e/closed/good",
        "{url}/open",
        "{url}.evil.example/open/good",
        "http://127.0.0.1/open/good",
        "https://user@127.0.0.1/open/good",
        "file:///etc/passwd",
    ],
)
def test_no_other_address_is_asked(server: TlsServer, remote: RemoteContexts, address: str) -> None:
    with pytest.raises(JsonLdContextUnknown) as refused:
        remote.fetch(address.format(url=server.url))
    assert f"{server.url}/open/" in str(refused.value.hint)
    assert server.asked == []


def test_a_redirect_is_followed_only_to_an_allowed_address(server: TlsServer, remote: RemoteContexts) -> None:
    assert remote.fetch(f"{server.url}/open/moved?to=/open/good") == _CONTEXT
    for target in ("/closed/good", "http://127.0.0.1:1/open/good"):
        with pytest.raises(JsonLdContextUnknown):
            remote.fetch(f"{server.url}/open/moved?to={target}")
    assert "/closed/good" not in server.asked


def test_redirects_come_to_an_end(server: TlsServer, remote: RemoteContexts) -> None:
    with pytest.raises(JsonLdContextUnavailable, match="redirected too often"):
        remote.fetch(f"{server.url}/open/a?to=/open/a?to=/open/a?to=/open/a?to=/open/a?to=/open/good")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/open/large", "more than 1000 bytes"),
        ("/open/text", "is no JSON"),
        ("/open/empty", 'no "@context"'),
        ("/open/missing", "HTTPStatusError"),
        ("/open/slow", "ReadTimeout"),
    ],
)
def test_what_is_too_large_too_slow_or_no_context_is_refused(
    server: TlsServer, remote: RemoteContexts, path: str, why: str
) -> None:
    with pytest.raises(JsonLdContextUnavailable, match=why) as refused:
        remote.fetch(server.url + path)
    assert refused.value.retryable


def test_a_context_nested_too_deeply_is_none(server: TlsServer) -> None:
    remote = RemoteContexts([f"{server.url}/open/"], client=server.client)
    with pytest.raises(JsonLdContextUnavailable, match="is no JSON"):
        remote.fetch(f"{server.url}/open/deep")


def test_a_server_that_nobody_vouches_for_is_not_believed(server: TlsServer) -> None:
    with httpx.Client() as stranger:
        remote = RemoteContexts([f"{server.url}/open/"], client=stranger)
        with pytest.raises(JsonLdContextUnavailable, match="ConnectError"):
            remote.fetch(f"{server.url}/open/good")


@pytest.mark.parametrize("place", ["http://a.example/", "https://a.example", "https:///x/", "a.example/"])
def test_a_place_is_an_https_address_with_a_slash_at_its_end(place: str) -> None:
    with pytest.raises(RemoteContextsMisconfigured, match="no place"):
        RemoteContexts([place])
