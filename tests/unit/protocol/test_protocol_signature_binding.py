"""The fourth line: what a reply signs of the request that it answers."""

from __future__ import annotations

import pytest

from protocol.errors import SignatureInvalid
from protocol.profile import Binding
from protocol.request_binding import fourth_line, possible_fourth_lines
from protocol.tolerance import Tolerance

AUTHORIZATION = (
    'Signature keyId="bap.example|k1|ed25519",algorithm="ed25519",created="1",expires="2",'
    'headers="(created) (expires) digest",signature="c2ln"'
)


@pytest.mark.parametrize(
    ("binding", "line"),
    [(Binding.NONE, None), (Binding.SIGNATURE, "c2ln"), (Binding.HEADER, AUTHORIZATION)],
)
def test_the_profile_chooses_what_is_sent(binding: Binding, line: str | None) -> None:
    assert fourth_line(AUTHORIZATION, binding) == line


def test_either_is_taken() -> None:
    assert possible_fourth_lines(AUTHORIZATION) == ("c2ln", AUTHORIZATION)


def test_a_header_that_cannot_be_read_binds_nothing() -> None:
    with pytest.raises(SignatureInvalid):
        fourth_line("Signature nothing", Binding.SIGNATURE)


def test_a_header_that_was_believed_is_read_once_more() -> None:
    bare = AUTHORIZATION.removeprefix("Signature ")
    assert fourth_line(bare, Binding.SIGNATURE) == "c2ln"
    assert possible_fourth_lines(bare, Tolerance(bare=True)) == ("c2ln", bare)
