"""Files are opened whether or not they are compressed; why one is not is said in words."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from metering.sources.opening import opened
from metering.sources.ports import SourceUnreadable


def test_a_file_is_read_the_same_compressed_or_not(tmp_path: Path) -> None:
    plain, compressed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_bytes(b"meter,wh\n")
    compressed.write_bytes(gzip.compress(b"meter,wh\n"))
    for path in (plain, compressed):
        with opened(path) as file:
            assert file.stream.read() == b"meter,wh\n"
            assert file.position() == file.size


def test_a_file_that_is_not_there_is_told_of_without_numbers(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    with pytest.raises(SourceUnreadable) as refusal, opened(path):
        pass
    assert refusal.value.message == f"{path} cannot be read: No such file or directory"


def test_a_compressed_file_that_ends_early_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(b"meter,wh\n" * 1_000)[:-12])
    with pytest.raises(SourceUnreadable, match="cannot be read: Compressed file ended"), opened(path) as file:
        file.stream.read()
