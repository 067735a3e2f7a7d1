"""Answering a registry that finds out whether this participant has the keys that it claims.

It sends a riddle that only the encryption key can read, and gets the plain text back. To have things
decrypted is worth something to others too, so a riddle is answered only while a subscription that
was asked for here is under way, only so often, and only for that very registry where it signs.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import orjson
import structlog

from kernel.clock import Clock
from kernel.errors import NodeError
from keystore.keychain import Keychain
from node.subscription_under_way import UnderWay, find_under_way, take_answer
from protocol.errors import JsonInvalid, SchemaViolated, SignatureInvalid
from protocol.keys import KeyUnreadable, read_public_key
from protocol.profile import DIGEST_LABELS
from protocol.signing import parse_header, verify_by_any
from protocol.x25519 import EncryptionPrivateKey, EncryptionPublicKey
from registry_client.challenge import ChallengeScheme, ChallengeUnreadable, decrypt_challenge
from registry_client.subscriber import KEY_NAMES
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

SITE_VERIFICATION_PATH: Final = "/ondc-site-verification.html"
_NO_KEY: Final = EncryptionPrivateKey(bytes([1] * 32)).public_key  # a sealed box has no sender


class NothingUnderWay(NodeError):
    """A challenge came that answers no request of this participant's."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 409, False


class ChallengesExhausted(NodeError):
    """More challenges came for one request than a registry has reason to send."""

    code, http_status, retryable = "AUT_RATE_LIMITED", 429, False


class KeyNotOurs(NodeError):
    """A registry asks about a key that this participant does not have."""

    code, http_status, retryable = "AUT_KEY_NOT_FOUND", 409, False


class PageNotFound(NodeError):
    """No registry is to find a signed page here at present."""

    code, http_status, retryable = "NET_NOT_IMPLEMENTED", 404, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenged:
    """A challenge that was answered: for which key set, and whether it was proven whose it was."""

    key_id: str
    was_signed: bool


def _nobody(_: Challenged) -> None:
    """Tell nobody: a node that serves has its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeDesk:
    """Answers the challenges of the registry that this participant has asked to take it in."""

    uow_factory: UnitOfWorkFactory
    keychain: Keychain
    clock: Clock
    on_answered: Callable[[Challenged], None] = _nobody

    async def answer(self, raw: bytes, authorization: str | None) -> str:
        """Return the plain text of the challenge in the body `raw`.

        Raises: NothingUnderWay, SignatureInvalid, SignatureMissing, KeyNotOurs, ChallengeUnreadable,
        ChallengesExhausted, and what is raised for a body that cannot be read.
        """
        content = _read(raw)
        asked = _key_asked_for(content)
        candidates = [each for each in await self._under_way() if asked in (None, each.key_id)]
        if not candidates:
            raise _nothing_under_way(asked)
        candidates = self._from_their_registry(candidates, raw, authorization)
        self._check_name(content)
        self._check_key(content, candidates)
        chosen, plain = self._decrypt(await self._count(candidates), content["challenge"])
        log.info("on_subscribe.answered", registry=chosen.registry_url, key_id=chosen.key_id)
        self.on_answered(Challenged(key_id=chosen.key_id, was_signed=bool(chosen.registry_keys)))
        return plain

    async def is_under_way(self) -> bool:
        """Say whether a challenge is waited for."""
        return bool(await self._under_way())

    async def site_page(self) -> str:
        """Return the page by which a registry sees that the site is this participant's.

        Raises: PageNotFound, while no registry wants one.
        """
        request_id = next(
            (each.site_request_id for each in await self._under_way() if each.site_request_id), None
        )
        if request_id is None:
            raise PageNotFound(
                "no site verification is under way",
                path=SITE_VERIFICATION_PATH,
                hint="Run `degnode join` with --site-verification and the id that the registry gave.",
            )
        # ONDC signs the id as it is, without a digest.
        signature = self.keychain.at(self.clock.now()).private_key.sign(request_id.encode())
        content = escape(b64encode(signature).decode())
        return (
            f'<html><head><meta name="ondc-site-verification" content="{content}" /></head>'
            "<body>ONDC Site Verification Page</body></html>"
        )

    async def _under_way(self) -> list[UnderWay]:
        async with self.uow_factory() as uow:
            return await find_under_way(uow, subscriber_id=self.keychain.subscriber_id, now=self.clock.now())

    def _from_their_registry(
        self, candidates: Sequence[UnderWay], raw: bytes, authorization: str | None
    ) -> list[UnderWay]:
        """Return those whose registry sent this, or does not sign."""
        failure: NodeError | None = None
        proven = []
        for each in candidates:
            try:
                self._verify(each, raw, authorization)
                proven.append(each)
            except NodeError as error:
                failure = error
        if not proven and failure is not None:
            raise failure
        return proven

    def _verify(self, under_way: UnderWay, raw: bytes, authorization: str | None) -> None:
        if not under_way.registry_keys:
            return
        header, now = parse_header(authorization), self.clock.now()
        try:
            verify_by_any(raw, header, keys=under_way.registry_keys, now=now, labels=DIGEST_LABELS)
        except SignatureInvalid as error:
            raise SignatureInvalid(
                f"this challenge is not from the registry that was asked, {under_way.registry_url}: {error}",
                path=header.place,
                hint="If the registry has a new key, run `degnode join` again and compare its fingerprint.",
            ) from error

    def _check_name(self, content: Mapping[str, Any]) -> None:
        """Refuse to vouch for another name that is to be entered at this participant's address."""
        named = content.get("subscriber_id")
        if named is not None and named != self.keychain.subscriber_id:
            raise KeyNotOurs(
                f"this is {self.keychain.subscriber_id}, and no other subscriber",
                path="$.subscriber_id",
                hint="Somebody asks for another name at this address; tell the registry's operator.",
            )

    def _check_key(self, content: Mapping[str, Any], candidates: Sequence[UnderWay]) -> None:
        """Refuse to vouch for a signing key that somebody else asks for in this participant's name."""
        text = content.get("signing_public_key")
        named = {each.key_id for each in candidates}
        ours = [each.signing_public_key for each in self.keychain.sets() if each.key_id in named]
        try:
            vouched = text is None or read_public_key(str(text)) in ours
        except KeyUnreadable:
            vouched = False
        if not vouched:
            raise KeyNotOurs(
                "the registry was asked to enter a signing key that is none of this participant's",
                path="$.signing_public_key",
                hint="Somebody asks in this participant's name; tell the registry's operator.",
            )

    async def _count(self, candidates: Sequence[UnderWay]) -> list[UnderWay]:
        """Count an answer for each, and return those that may still have one."""
        now = self.clock.now()
        async with self.uow_factory() as uow:
            left = [
                each
                for each in candidates
                if await take_answer(uow, subscriber_id=each.subscriber_id, key_id=each.key_id, now=now)
            ]
        if not left:
            raise ChallengesExhausted(
                "too many challenges came for one request",
                hint="Run `degnode network renew` to ask anew; look in the log who sends them.",
            )
        return left

    def _decrypt(self, candidates: Sequence[UnderWay], challenge: str) -> tuple[UnderWay, str]:
        """Return the plain text, and for which key set it was meant: some registries do not say."""
        failure: ChallengeUnreadable | None = None
        for each in candidates:
            try:
                return each, decrypt_challenge(
                    challenge,
                    scheme=each.scheme,
                    sender=_sender(each),
                    receiver=self.keychain.encryption_key(each.key_id),
                )
            except ChallengeUnreadable as error:
                failure = failure or error
        log.warning("on_subscribe.unreadable", schemes=[each.scheme.value for each in candidates])
        raise failure or _nothing_under_way(None)


def _read(raw: bytes) -> Mapping[str, Any]:
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise JsonInvalid("the body is no JSON", path="$", hint='Send {"challenge": …}.') from error
    if not isinstance(content, dict) or not isinstance(content.get("challenge"), str):
        raise SchemaViolated(
            "there is no challenge", path="$.challenge", hint="Send it encrypted, in base64."
        )
    return content


def _key_asked_for(content: Mapping[str, Any]) -> str | None:
    names = (content.get(name) for name in KEY_NAMES)
    return next((name for name in names if isinstance(name, str) and name), None)


def _sender(under_way: UnderWay) -> EncryptionPublicKey:
    if under_way.registry_encryption_key is not None:
        return under_way.registry_encryption_key
    if under_way.scheme is ChallengeScheme.SEALED_BOX:
        return _NO_KEY
    raise ChallengeUnreadable(
        "the registry's encryption key is not known here",
        path="$.challenge",
        hint="Run `degnode join` again with --registry-encryption-key.",
    )


def _nothing_under_way(key_id: str | None) -> NothingUnderWay:
    which = "" if key_id is None else f" of key {key_id!r}"
    return NothingUnderWay(
        f"no subscription{which} is under way here",
        hint="This participant answers only challenges that it has asked for, within an hour: "
        "run `degnode join` or `degnode network renew`.",
    )
