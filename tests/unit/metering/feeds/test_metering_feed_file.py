"""The file of feeds: what it may say, and how it is told what is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from metering.feeds.feed_file import FeedsInvalid, load_feeds, read_feeds
from metering.sep.tls import TlsMaterialUnusable

WHOLE = """
feeds:
  - name: north
    url: https://north.example/sep/dcap
    certificate: ours.pem
    key: ours.key
    ca: north-ca.pem
    check_hostname: false
    poll_every: PT5M
    look_back: P7D
    overlap: 3600
    legacy_namespace: true
    subscribe: false
  - name: south
    url: http://127.0.0.1:8080/dcap
"""


def test_a_file_says_of_each_feed_what_differs_from_the_usual() -> None:
    north, south = read_feeds(WHOLE, name="feeds.yaml")
    assert (north.poll_every, north.look_back) == (timedelta(minutes=5), timedelta(days=7))
    assert (north.overlap, north.legacy_namespace) == (timedelta(hours=1), True)
    assert (south.poll_every, south.look_back, south.subscribe) == (None, timedelta(days=3), True)
    assert (south.sender, south.tls()) == ("utility:south", None)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("name: south", "name: north", r"feeds\.1\.name: there is another feed 'north'.*of its own"),
        ("name: south", "name: South Grid", r"feeds\.1\.name: a feed's name has 1 to 40 small letters"),
        ("    key: ours.key\n", "", r"feeds\.0: certificate, key and ca go together"),
        ("poll_every: PT5M", "poll_every: soon", r"feeds\.0\.poll_every: .*Write seconds \(900\) or ISO"),
        ("poll_every: PT5M", "poll_every: 0", r"feeds\.0\.poll_every: .*greater than 0"),
        ("look_back: P7D", "lookback: P7D", r"feeds\.0\.lookback: .*correct its spelling"),
        ("url: http://127.0.0.1:8080/dcap", "url: south", r"feeds\.1\.url: .*valid URL"),
        ("    url: http://127.0.0.1:8080/dcap\n", "", r"feeds\.1\.url: Field required.*Add this key"),
        ("url: http://127.0.0.1", "url: http://192.0.2.7", r"feeds\.1: http is only for a server on this"),
        ("url: http://127.0.0.1", "url: http://localhost.example", r"feeds\.1: http is only for a server"),
        ("url: https://north.example", "url: http://127.0.0.1", r"feeds\.0: .* no use with http"),
        (
            ":8080/dcap",
            ":8080/dcap\n    check_hostname: false",
            r"feeds\.1: check_hostname may be false only",
        ),
        ("feeds:", "feed:", r"feeds\.yaml: feeds: Field required"),
        ("feeds:", "feeds: [", r"feeds\.yaml is no YAML"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(old: str, new: str, complaint: str) -> None:
    assert old in WHOLE
    with pytest.raises(FeedsInvalid, match=complaint):
        read_feeds(WHOLE.replace(old, new), name="feeds.yaml")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_server_on_this_machine_may_be_met_without_tls(host: str) -> None:
    (feed,) = read_feeds(f"feeds: [{{name: here, url: 'http://{host}:8080/dcap'}}]", name="feeds.yaml")
    assert feed.tls() is None


def test_an_empty_file_is_a_mistake() -> None:
    with pytest.raises(FeedsInvalid, match=r"feeds\.yaml: \(top\)"):
        read_feeds("", name="feeds.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeedsInvalid, match=r"missing\.yaml cannot be read"):
        load_feeds(tmp_path / "missing.yaml")


def test_files_named_in_it_lie_beside_it_and_are_looked_at_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "feeds.yaml").write_text(WHOLE, encoding="utf-8")
    north, _ = load_feeds(tmp_path / "feeds.yaml")
    assert north.certificate == tmp_path / "ours.pem"
    with pytest.raises(TlsMaterialUnusable, match=r"ours\.pem"):
        north.tls()
