"""Files that hold secrets: new, for their owner only, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keystore.private_file import write_private_file


def test_a_file_is_new_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "secret"
    write_private_file(path, "ä\n")
    assert path.read_text(encoding="utf-8") == "ä\n"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_private_file(path, "other")
    assert path.read_text(encoding="utf-8") == "ä\n"


def test_what_cannot_be_written_whole_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / "secret"
    with pytest.raises(OSError, match="No space"):
        write_private_file(path, "half")
    assert not path.exists()
