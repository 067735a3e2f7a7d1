"""What an operator says of single peers."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from node.peer_pins import PeerPin, PeerPins
from protocol.profile import V2_LTS, V2_RC, AckShape, AckSignature, Binding


def test_a_peer_without_a_pin_is_as_its_profile_says() -> None:
    pins = PeerPins()
    assert pins.wire_of("bpp.example") is None
    assert pins.adapt(V2_RC, "bpp.example") is V2_RC


def test_a_pin_names_a_wire_and_departures_from_it() -> None:
    pins = PeerPins({"bpp.example": PeerPin(wire="v2_lts", binding=Binding.HEADER, ack=AckShape.LTS)})
    assert pins.wire_of("bpp.example") is V2_LTS
    adapted = pins.adapt(V2_LTS, "bpp.example")
    assert (adapted.binding, adapted.ack) == (Binding.HEADER, AckShape.LTS)
    assert adapted.ack_signature is AckSignature.HEADER


def test_an_unknown_wire_is_refused() -> None:
    with pytest.raises(ValidationError):
        PeerPin(wire="v9")
    assert PeerPins({"bpp.example": PeerPin()}).wire_of("bpp.example") is None
