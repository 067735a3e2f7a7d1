"""What benchmarks are compared with: one bare verification, with nothing of ours around it."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.ed25519 import ENGINE
from protocol.signing import Signer

_MESSAGE: Final = bytes(200)


def bare_openssl(signer: Signer) -> Callable[[], object]:
    """Return one verification by the `cryptography` package itself, the key object kept."""
    key = Ed25519PublicKey.from_public_bytes(signer.public_key.raw)
    signature = signer.private_key.sign(_MESSAGE)
    return lambda: key.verify(signature, _MESSAGE)


def bare_engine(signer: Signer) -> Callable[[], object]:
    """Return one verification by the engine that the node works with."""
    verify, signature = ENGINE.verifying_with(signer.public_key.raw), signer.private_key.sign(_MESSAGE)
    return lambda: verify(signature, _MESSAGE)


def rate_of(verify: Callable[[], object], *, times: int) -> float:
    """Return how often a second one core does that, doing nothing else."""
    started = perf_counter()
    for _ in range(times):
        verify()
    return times / (perf_counter() - started)
