"""Getting to know a registry: what it says of itself, and whether it is still the one that was met."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from kernel.clock import Clock
from kernel.errors import NodeError
from protocol.ed25519 import PublicKey
from protocol.errors import RegistryUnavailable
from protocol.x25519 import EncryptionPublicKey
from registry_client.challenge import ChallengeScheme
from registry_client.registrar import Registrar
from registry_client.registry_card import RegistryCard, fingerprint

_AS_TOLD, _AS_BEFORE, _FROM_NOW_ON = "as you say", "as before", "remembered from now on"


class RegistryKeyChanged(NodeError):
    """The registry shows another key than the one that is expected."""

    code, http_status, retryable = "AUT_SIGNATURE_INVALID", 409, False


class RegistryUnproven(NodeError):
    """The registry does not prove that it has the key that it shows."""

    code, http_status, retryable = "AUT_SIGNATURE_INVALID", 502, False


class RegistryKeyMissing(NodeError):
    """Nobody says with which key the registry encrypts its challenge."""

    code, http_status, retryable = "AUT_KEY_NOT_FOUND", 409, False


class RegistryOutOfReach(NodeError):
    """There is no registry at the URL, or it does not answer."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, True


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is known of a registry beforehand: told by its operator, or remembered from before.

    What was told goes before what the registry shows, and that before what was only remembered; but no
    remembered signing key is given up unless another was told.
    """

    url: str
    keys: tuple[PublicKey, ...] = ()
    were_told: bool = False
    encryption_key: EncryptionPublicKey | None = None
    remembered_encryption_key: EncryptionPublicKey | None = None
    scheme: ChallengeScheme | None = None
    registry_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquaintance:
    """The registry as it is met now; without `keys` it signs nothing, and is believed over the line."""

    registry_id: str | None
    network_id: str | None
    keys: tuple[PublicKey, ...]
    encryption_key: EncryptionPublicKey | None
    scheme: ChallengeScheme
    approval: str | None
    how_known: str

    def describe(self) -> str:
        """Return it in a line, with the fingerprint to compare."""
        name = self.registry_id or "a registry without a name"
        network = f" of the network {self.network_id}" if self.network_id else ""
        if not self.keys:
            return f"{name}{network}; it signs nothing, so only the connection says that it is the registry"
        prints = " and ".join(fingerprint(key) for key in self.keys)
        return f"{name}{network}; its key is {prints}, {self.how_known}"


async def get_to_know(expected: Expected, *, clock: Clock) -> Acquaintance:
    """Return who the registry is; a key that it shows it must also have.

    Raises: RegistryOutOfReach, RegistryKeyChanged, RegistryUnproven, RegistryKeyMissing.
    """
    try:
        async with Registrar(expected.url, clock=clock) as registrar:
            card = await registrar.card() or await _look_up(registrar, expected)
    except RegistryUnavailable as error:
        raise _out_of_reach(expected.url, error) from error
    if card is not None and card.signing_key is not None:
        card = await _prove(card.signing_key, expected, clock=clock)
    met = _merge(card, expected)
    if met.encryption_key is None and met.scheme is not ChallengeScheme.SEALED_BOX:
        raise RegistryKeyMissing(
            f"{expected.url} does not say with which key it encrypts its challenge",
            hint="Ask its operator for its X25519 public key, and name it with --registry-encryption-key; "
            "or name the registry's own subscriber id with --registry-id, if it is in its own list.",
        )
    return met


async def _look_up(registrar: Registrar, expected: Expected) -> RegistryCard | None:
    """Return the registry's entry in its own list, as registries without a card have one."""
    name = expected.registry_id or urlsplit(expected.url).hostname
    card = None if name is None else await registrar.card_in_lookup(name)
    # A list is signed by nobody that was not known before: its signing key is not pinned.
    return None if card is None else replace(card, signing_key=None)


async def _prove(shown: PublicKey, expected: Expected, *, clock: Clock) -> RegistryCard:
    """Return the card as the registry signs it with the key that it shows; only that one counts."""
    if expected.keys and shown not in expected.keys:
        raise RegistryKeyChanged(
            f"{expected.url} shows the key {fingerprint(shown)}, and not "
            f"{' or '.join(fingerprint(key) for key in expected.keys)}, which is expected",
            path="DEGNODE_REGISTRY_KEY",
            hint="Ask its operator. If the key was changed, name the new one with --registry-key; "
            "if not, somebody stands between you and the registry.",
        )
    try:
        async with Registrar(expected.url, clock=clock, keys=(shown,)) as registrar:
            card = await registrar.card()
    except RegistryUnavailable as error:
        raise RegistryUnproven(
            f"{expected.url} shows the key {fingerprint(shown)}, but its answer is not signed with it",
            hint="Compare this machine's clock with the true time; then ask the registry's operator.",
        ) from error
    if card is None or card.signing_key != shown:
        raise RegistryUnproven(
            f"{expected.url} shows the key {fingerprint(shown)} at one time and not at another",
            hint="Try again; if it goes on, ask the registry's operator.",
        )
    return card


def _merge(card: RegistryCard | None, expected: Expected) -> Acquaintance:
    """Return what is known: what the operator told goes before what the registry says."""
    shown = None if card is None else card.signing_key
    own_scheme = None if card is None else card.scheme
    return Acquaintance(
        registry_id=card.subscriber_id if card else expected.registry_id,
        network_id=card.network_id if card else None,
        keys=expected.keys or ((shown,) if shown else ()),
        encryption_key=expected.encryption_key
        or (card.encryption_key if card else None)
        or expected.remembered_encryption_key,
        scheme=expected.scheme or own_scheme or ChallengeScheme.AES_ECB,
        approval=card.approval if card else None,
        how_known=_AS_TOLD if expected.were_told else _AS_BEFORE if expected.keys else _FROM_NOW_ON,
    )


def _out_of_reach(url: str, error: RegistryUnavailable) -> RegistryOutOfReach:
    return RegistryOutOfReach(
        f"{url}: {error.message}",
        path="--registry",
        hint="Check the URL, and whether the registry runs (`degnode serve registry` runs one).",
    )
