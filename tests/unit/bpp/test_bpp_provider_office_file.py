"""A file names the back offices of single providers; what is wrong with it is told as a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bpp.provider.office_file import OfficesInvalid, PlugIn, WebhookOffice, load_offices

SECRET = "a-secret-of-both-which-is-long-enough"
WHOLE = """
providers:
  valley-solar-cooperative:
    office: webhook
    url: https://office.valley.example/degnode
    secret_file: valley.secret
  hill-wind:
    office: entry-point:hill
  lake-hydro:
    office: built-in
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "valley.secret").write_text(f"{SECRET}\n")
    (tmp_path / "short.secret").write_text("short\n")
    (tmp_path / "two.secret").write_text(f"{SECRET}\n{SECRET}\n")
    (tmp_path / "bytes.secret").write_bytes(b"\xff" * 40)
    return tmp_path / "offices.yaml"


def test_each_provider_has_a_back_office_of_its_own(file: Path) -> None:
    file.write_text(WHOLE)
    offices = load_offices(file)
    valley = offices["valley-solar-cooperative"]
    assert isinstance(valley, WebhookOffice)
    assert valley.url == "https://office.valley.example/degnode"
    assert valley.secret.get_secret_value() == SECRET
    assert SECRET not in repr(offices)
    assert offices["hill-wind"] == PlugIn(name="hill")
    assert offices["lake-hydro"] is None


def webhook(secret_file: str) -> str:
    return f"providers: {{a: {{office: webhook, url: 'https://a.example', secret_file: {secret_file}}}}}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "offices.yaml is no YAML"),
        ("[]", "should be a valid dictionary|valid"),
        ("providers: {}", "providers: .*at least 1 item"),
        ("providers: {a: {}}", r"providers\.a: .*Add `office`: built-in, webhook or entry-point:NAME"),
        ("providers: {a: webhook}", "providers.a"),
        ("providers: {a: {office: 7}}", "providers.a"),
        ("providers: {a: {office: carrier pigeon}}", "Write built-in, webhook or entry-point:NAME"),
        ("providers: {a: {office: 'entry-point:'}}", "pattern"),
        ("providers: {a: {office: built-in, url: 'https://a.example'}}", "url: .*Remove this key"),
        ("providers: {a: {office: webhook, secret_file: b}}", "url: Field required.*Add this key"),
        ("providers: {a: {office: webhook, url: ftp://a, secret_file: b}}", "url"),
        (webhook("nowhere"), "the secret of the back office of a cannot be read"),
        (webhook("short.secret"), "no line of 32 characters or more"),
        (webhook("two.secret"), "no line of 32 characters or more"),
        (webhook("bytes.secret"), "no text in UTF-8"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(file: Path, text: str, why: str) -> None:
    file.write_text(text)
    with pytest.raises(OfficesInvalid) as refused:
        load_offices(file)
    told = f"{refused.value.message} {refused.value.hint}"
    assert re.search(why, told), told
    assert SECRET not in told


def test_a_file_that_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(OfficesInvalid, match=r"the file of back offices .* cannot be read"):
        load_offices(file)
