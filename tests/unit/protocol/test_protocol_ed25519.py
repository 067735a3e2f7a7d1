"""Ed25519: two engines that answer alike, and keys that are refused."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64decode
from hashlib import sha512
from pathlib import Path

import pytest

from protocol import ed25519
from protocol.ed25519 import (
    ENGINE,
    Engine,
    KeyWeak,
    Libsodium,
    OpenSsl,
    PrivateKey,
    PublicKey,
    Sign,
    Verify,
    choose,
    proves_itself,
)

ENGINES = (Libsodium(), OpenSsl())
FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493

# RFC 8032, section 7.1: seed, public key, message, signature.
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
        "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("vector", VECTORS, ids=["empty", "two bytes"])
def test_every_engine_signs_and_verifies_as_published(
    engine: Engine, vector: tuple[str, str, str, str]
) -> None:
    seed, public, message, signature = (bytes.fromhex(part) for part in vector)
    assert engine.signing_with(seed)(message) == signature
    assert engine.verifying_with(public)(signature, message)
    assert PrivateKey(seed).public_key.raw == public


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_a_signature_that_begins_with_a_point_of_small_order_is_refused(engine: Engine) -> None:
    """Its signer could say later that another message was meant: the equation holds, the point is bad."""
    seed, message = bytes(range(32)), b"one kilowatt-hour"
    public, neutral = PrivateKey(seed).public_key.raw, (1).to_bytes(32, "little")
    hashed = sha512(seed).digest()[:32]
    secret = int.from_bytes(hashed, "little") & ((1 << 254) - 8) | (1 << 254)
    challenge = int.from_bytes(sha512(neutral + public + message).digest(), "little")
    signature = neutral + (challenge * secret % ORDER).to_bytes(32, "little")
    assert not engine.verifying_with(public)(signature, message)


class Liar:
    """An engine that says yes to everything."""

    name = "liar"

    def signing_with(self, seed: bytes) -> Sign:
        return OpenSsl().signing_with(seed)

    def verifying_with(self, public_key: bytes) -> Verify:
        assert public_key
        return lambda signature, message: True


class Mute(Liar):
    """An engine that never signs."""

    name = "mute"

    def signing_with(self, seed: bytes) -> Sign:
        return lambda message: seed + message


class Broken(Liar):
    """An engine that is not there."""

    name = "broken"

    def verifying_with(self, public_key: bytes) -> Verify:
        raise OSError(f"no library for {public_key.hex()}")


def test_both_engines_prove_themselves_and_the_first_is_chosen() -> None:
    assert all(proves_itself(engine) for engine in ENGINES)
    assert choose(ENGINES).name == "libsodium" == ENGINE.name


@pytest.mark.parametrize("unfit", [Liar(), Mute(), Broken()], ids=lambda engine: engine.name)
def test_an_engine_that_answers_the_known_question_wrongly_is_passed_over(unfit: Engine) -> None:
    assert not proves_itself(unfit)
    assert choose((unfit, OpenSsl())).name == "openssl"


def test_a_machine_without_libsodium_works_with_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ed25519, "sodium", None)
    assert choose(ENGINES).name == "openssl"


def test_a_machine_without_any_engine_says_so() -> None:
    with pytest.raises(RuntimeError, match="no library"):
        choose((Liar(), Broken()))


@pytest.mark.parametrize("sign_bit", [0, 1 << 255])
@pytest.mark.parametrize(
    "y",
    [
        0,
        1,
        FIELD - 1,
        FIELD,
        FIELD + 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    ],
)
def test_a_key_of_small_order_is_refused(y: int, sign_bit: int) -> None:
    with pytest.raises(KeyWeak):
        PublicKey((y | sign_bit).to_bytes(32, "little"))


@pytest.mark.parametrize("y", [2, FIELD + 3], ids=["no x for it", "beyond the field"])
def test_bytes_that_are_no_point_of_the_curve_are_no_key(y: int) -> None:
    with pytest.raises(KeyWeak):
        PublicKey(y.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(KeyWeak):
        PublicKey(b"\x09" * length)
    with pytest.raises(KeyWeak, match=f"this has {length}"):
        PrivateKey(b"\x09" * length)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_never_holds(length: int) -> None:
    key = PrivateKey.generate()
    assert not key.public_key.verifies((key.sign(b"") + b"\x00")[:length], b"")


def test_keys_are_compared_by_their_bytes_and_a_seed_is_shown_nowhere() -> None:
    key = PrivateKey(b64decode("ZGVnbm9kZSB0ZXN0IHNlZWQsIDMyIGJ5dGVzIGxvbmc="))
    assert key.public_key == PublicKey(key.public_key.raw)
    assert key.public_key != PrivateKey.generate().public_key
    assert repr(key) == "PrivateKey()"


def test_a_machine_without_libsodium_starts_with_openssl() -> None:
    """In a process of its own: the choice is made while the module is read."""
    program = (
        "import sys; sys.modules['nacl'] = None\n"
        "from protocol.ed25519 import ENGINE, PrivateKey\n"
        "key = PrivateKey.generate()\n"
        "assert key.public_key.verifies(key.sign(b'x'), b'x')\n"
        "assert not key.public_key.verifies(key.sign(b'x'), b'y')\n"
        "print(ENGINE.name)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout.strip(), run.stderr) == ("openssl", "")
