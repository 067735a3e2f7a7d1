"""The key-encryption key: read from text or a file, made once where there is none."""

from __future__ import annotations

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keystore.key_encryption import (
    KeyEncryptionKeyUnusable,
    ensure_key_encryption_keys,
    load_key_encryption_keys,
    read_key_encryption_keys,
)

ONE, OTHER = bytes(range(32)), bytes(32)
TEXT = b64encode(ONE).decode()


def test_several_keys_stand_between_commas_the_newest_first() -> None:
    text = f" {TEXT} ,{b64encode(OTHER).decode()}\n"
    assert read_key_encryption_keys(text, place="X") == (ONE, OTHER)


@pytest.mark.parametrize("text", ["", " , ", "no key", "AAAA", TEXT[:-4], f"{TEXT},AAAA", "schlüssel"])
def test_what_is_no_key_is_said_so_without_showing_it(text: str) -> None:
    with pytest.raises(KeyEncryptionKeyUnusable) as refusal:
        read_key_encryption_keys(text, place="DEGNODE_KEY_ENCRYPTION_KEY")
    assert refusal.value.path == "DEGNODE_KEY_ENCRYPTION_KEY"
    assert refusal.value.hint
    assert not text.strip(" ,") or text not in str(refusal.value)


def test_one_is_made_for_its_owner_only_and_then_kept(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "key-encryption.key"
    made = ensure_key_encryption_keys(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert ensure_key_encryption_keys(path) == load_key_encryption_keys(path) == made
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_processes_that_start_at_once_agree_on_one(tmp_path: Path) -> None:
    path = tmp_path / "key-encryption.key"
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: ensure_key_encryption_keys(path), range(64)))
    assert made == {load_key_encryption_keys(path)}


@pytest.mark.parametrize("content", [b"", b"no key", b"\xff\xfe\x00"])
def test_a_file_that_holds_no_key_is_named_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "k"
    path.write_bytes(content)
    with pytest.raises(KeyEncryptionKeyUnusable) as refusal:
        ensure_key_encryption_keys(path)
    assert refusal.value.path == str(path)
    assert "0xff" not in str(refusal.value)  # bytes of a key are shown nowhere
    assert path.read_bytes() == content


def test_a_file_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(KeyEncryptionKeyUnusable, match="cannot be read"):
        load_key_encryption_keys(tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


def test_a_place_where_none_can_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyEncryptionKeyUnusable, match="can be made"):
        ensure_key_encryption_keys(tmp_path / "file" / "key-encryption.key")
