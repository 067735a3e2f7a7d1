"""A bare signing key's file: made once, for its owner only, never silently replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from keystore.key_file import SigningKeyUnusable, make_key_file, read_key_file
from protocol.keys import new_private_key, write_private_key


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "signing.key"
    made = make_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key_file(path).seed == made.seed
    with pytest.raises(SigningKeyUnusable, match="no signing key can be made"):
        make_key_file(path)
    assert read_key_file(path).seed == made.seed


def test_white_space_around_a_key_is_no_part_of_it(tmp_path: Path) -> None:
    key, path = new_private_key(), tmp_path / "k"
    path.write_text(f"\n{write_private_key(key)}\n")
    assert read_key_file(path).seed == key.seed


@pytest.mark.parametrize("content", [b"", b"no key", b"AAAA", b"\xff\xfe\x00", "schlüssel".encode()])
def test_a_file_that_holds_no_key_is_said_so_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "k"
    path.write_bytes(content)
    with pytest.raises(SigningKeyUnusable, match="cannot be read") as refusal:
        read_key_file(path)
    assert refusal.value.path == str(path)
    assert refusal.value.hint
    assert "0xff" not in str(refusal.value)  # bytes of a key are shown nowhere
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", [".", "nowhere"])
def test_a_path_that_is_no_file_is_said_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(SigningKeyUnusable, match="cannot be read"):
        read_key_file(tmp_path / name)


def test_a_place_where_none_can_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SigningKeyUnusable, match="no signing key can be made"):
        make_key_file(tmp_path / "link")
