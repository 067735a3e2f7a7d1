"""Asking at a subscriber's URL: is it there, and does the owner of the encryption key answer?

Nothing of this runs inside a transaction, and nothing of what a stranger's server says is passed on:
the reasons that are given are all our own.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from hmac import compare_digest
from secrets import token_hex
from typing import Any, Final
from uuid import uuid4

import httpx
import orjson

from kernel.clock import Clock
from protocol.keys import KeyUnreadable
from protocol.profile import DIGEST_LABELS
from protocol.x25519 import read_encryption_public_key
from registry.keys import RegistryKeys
from registry.policy import RegistryPolicy
from registry.request import SubscriptionRequest, Trouble
from registry_client.challenge import ChallengeScheme, encrypt_challenge
from registry_client.connection import ConnectionLimits
from registry_client.reach import AnswerTooLong, DestinationRefused, guarded_client, read_at_most
from registry_client.subscriber import SubscriberStatus

_RIDDLE_BYTES: Final = 16
_LIMITS: Final = ConnectionLimits(max_answer_bytes=16_384)
_FAILURES: Final = (httpx.HTTPError, TimeoutError, DestinationRefused, AnswerTooLong)
_REACHABLE: Final = "Check that the node runs and that its URL can be reached from outside."


@dataclass(slots=True, kw_only=True)
class Challenger:
    """Makes the connections to those who want to enter; `trust` says whose certificates hold."""

    keys: RegistryKeys
    policy: RegistryPolicy
    clock: Clock
    trust: ssl.SSLContext | None = None
    limits: ConnectionLimits = _LIMITS
    _client: httpx.AsyncClient = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._client = guarded_client(self.policy.checks.reach, self.limits, verify=self.trust)

    async def check_url(self, request: SubscriptionRequest) -> Trouble | None:
        """Return what is wrong with the URL: whether anybody is there, with a certificate that holds."""
        try:
            async with asyncio.timeout(self.limits.answer_timeout.total_seconds()):
                await self._client.head(request.wanted.url)
        except _FAILURES as error:
            return self._explain(request.wanted.url, error)
        return None

    async def challenge(self, request: SubscriptionRequest) -> Trouble | None:
        """Return why the challenge was not met, None if it was."""
        plain = token_hex(_RIDDLE_BYTES)
        wanted, signer = request.wanted, self.keys.at(self.clock.now())
        try:
            sealed = encrypt_challenge(
                plain,
                scheme=self.policy.scheme,
                sender=self.keys.encryption_key(signer.key_id),
                receiver=read_encryption_public_key(wanted.encr_public_key or ""),
            )
        except KeyUnreadable as error:
            return Trouble(
                reason=f"nothing can be encrypted with the encr_public_key: {error}",
                hint="Send the X25519 key of the key set.",
                is_final=True,
            )
        content = {
            "status": request.status.value,
            "subscriber_id": wanted.subscriber_id,
            "key_id": wanted.key_id,
            "unique_key_id": wanted.key_id,
            "signing_public_key": wanted.signing_public_key,  # so that nobody vouches for another's key
            "message_id": str(uuid4()),
            "challenge": sealed,
        }
        try:
            async with asyncio.timeout(self.limits.answer_timeout.total_seconds()):
                status, body = await self._post(f"{wanted.url}/on_subscribe", orjson.dumps(content))
        except _FAILURES as error:
            return self._explain(f"{wanted.url}/on_subscribe", error)
        return _judge(status, body, plain=plain, scheme=self.policy.scheme)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, url: str, body: bytes) -> tuple[int, bytes]:
        now = self.clock.now()
        headers = {
            "Content-Type": "application/json",
            "Authorization": self.keys.at(now).sign(body, now=now, label=DIGEST_LABELS[0]),
        }
        async with self._client.stream("POST", url, content=body, headers=headers) as response:
            return response.status_code, await read_at_most(response, self.limits.max_answer_bytes)

    @staticmethod
    def _explain(url: str, error: Exception) -> Trouble:
        if isinstance(error, DestinationRefused):
            return Trouble(
                reason=f"{url} leads to an address that this registry does not connect to",
                hint="Give a URL with a public address.",
                is_final=True,
            )
        if _is_about_tls(error):
            return Trouble(
                reason=f"the TLS certificate of {url} does not hold",
                hint="Renew it; it must be valid, name this host, and come from an authority known to all.",
                status=SubscriberStatus.INVALID_SSL,
            )
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            return Trouble(reason=f"{url} did not answer in time", hint=_REACHABLE)
        if isinstance(error, AnswerTooLong):
            return Trouble(reason=f"{url} said more than is listened to", hint="Answer with the JSON alone.")
        return Trouble(reason=f"{url} cannot be reached", hint=_REACHABLE)


def _is_about_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _judge(status: int, body: bytes, *, plain: str, scheme: ChallengeScheme) -> Trouble | None:
    if not 200 <= status < 300:
        return Trouble(
            reason=f"/on_subscribe answered the challenge with HTTP {status}",
            hint="The node's own log says why.",
        )
    answer = _read_answer(body)
    if answer is None:
        return Trouble(
            reason="/on_subscribe gave no answer to the challenge",
            hint='It must be JSON: {"answer": "<the decrypted challenge>"}.',
        )
    if not compare_digest(answer.encode(), plain.encode()):
        return Trouble(
            reason="the answer to the challenge is wrong",
            hint=f"Decrypt it as {scheme} with the private half of encr_public_key, and with the "
            "encr_public_key of this registry.",
        )
    return None


def _read_answer(body: bytes) -> str | None:
    try:
        content: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    for holder in (content, content.get("message") if isinstance(content, dict) else None):
        if isinstance(holder, dict) and isinstance(answer := holder.get("answer"), str):
            return answer
    return None
