"""`degnode keys new --out`: a secret for one's own eyes, a public key for the registry."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from degnode.__main__ import app
from keystore.key_file import SigningKeyUnusable
from protocol.keys import read_private_key, write_public_key


def test_a_key_is_made_and_only_its_public_half_is_printed(tmp_path: Path) -> None:
    out = tmp_path / "secrets" / "signing.key"
    result = CliRunner().invoke(app, ["keys", "new", "--out", str(out)])
    assert result.exit_code == 0
    assert out.stat().st_mode & 0o777 == 0o600
    assert result.stdout.strip() == write_public_key(read_private_key(out.read_text()).public_key)


def test_a_key_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "signing.key"
    out.write_text("precious")
    result = CliRunner().invoke(app, ["keys", "new", "--out", str(out)])
    assert result.exit_code == 1
    assert isinstance(result.exception, SigningKeyUnusable)
    assert out.read_text() == "precious"
