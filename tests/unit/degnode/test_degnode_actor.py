"""Who is put on record for what is done on the command line."""

from __future__ import annotations

import getpass

import pytest

from degnode.actor import operator


def test_an_operator_is_whoever_the_machine_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert operator().who.startswith(f"{getpass.getuser()}@")
    assert operator().from_address is None

    def nameless() -> str:
        raise OSError

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert operator().who.startswith("somebody@")


def test_what_no_database_keeps_is_left_out_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "o\udcffp")
    assert operator().who.startswith("o\N{REPLACEMENT CHARACTER}p@")
