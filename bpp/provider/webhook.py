"""A back office behind a URL: one signed POST a question or event, its answer in JSON."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import httpx
import orjson
from pydantic import SecretStr

from bpp.provider.answer import read_answer
from bpp.provider.document import write_event, write_question
from bpp.provider.port import Answer, Event, ProviderAway, ProviderUnreached, Question
from kernel.body_signature import sign_body
from kernel.clock import Clock
from registry_client.reach import AnswerTooLong, read_at_most
from storage.backoff import Backoff

SIGNATURE_HEADER: Final = "X-Provider-Signature"
_MOST_ANSWER_BYTES: Final = 65_536
_LATER: Final = frozenset({408, 425, 429})
_FIRST_OF_SERVER: Final = 500
_AGAIN: Final = Backoff(first=timedelta(milliseconds=250), longest=timedelta(seconds=2))


class _Busy(ProviderAway):
    """It may answer in a moment."""


class WebhookProvider:
    """Posts to one URL; who calls says how long an answer is waited for."""

    def __init__(self, url: str, *, secret: SecretStr, clock: Clock) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock
        self._verify = ssl.create_default_context()

    async def ask(self, question: Question) -> Answer:
        """Post a question until it is answered. Raises: ProviderAway."""
        body, key = orjson.dumps(write_question(question)), f"provider-question-{question.id}"
        failures = 0
        while True:
            try:
                return read_answer(await self._post(body, key=key))
            except (ProviderUnreached, _Busy):
                failures += 1
                await asyncio.sleep(_AGAIN.after(failures).total_seconds())

    async def tell(self, event: Event) -> None:
        """Post an event once. Raises: ProviderAway, ProviderUnreached."""
        await self._post(orjson.dumps(write_event(event)), key=f"provider-event-{event.id}")

    async def _post(self, body: bytes, *, key: str) -> bytes:
        """Return what was answered to a post that was taken. Raises: ProviderAway, ProviderUnreached."""
        try:
            async with (
                httpx.AsyncClient(timeout=None, trust_env=False, verify=self._verify) as client,  # noqa: S113
                client.stream("POST", self._url, content=body, headers=self._headers(body, key)) as response,
            ):
                answer = await read_at_most(response, _MOST_ANSWER_BYTES)
        except httpx.HTTPError as error:
            reason = f"the back office could not be reached: {type(error).__name__}"
            raise ProviderUnreached(reason) from error
        except AnswerTooLong as error:
            raise ProviderAway("the back office says more than 65536 bytes") from error
        status = response.status_code
        if status in _LATER or status >= _FIRST_OF_SERVER:
            raise _Busy(f"the back office answered {status}")
        if not response.is_success:
            raise ProviderAway(f"the back office answered {status}", hint=_HINTS.get(status))
        return answer

    def _headers(self, body: bytes, key: str) -> Mapping[str, str]:
        signature = sign_body(body, secret=self._secret.get_secret_value(), at=self._clock.now())
        return {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "Idempotency-Key": key,
            SIGNATURE_HEADER: signature,
        }


_HINTS: Final[Mapping[int, str]] = {
    401: "Does it have the secret that the node has for it, and the right time?",
    404: "Is the URL that the node has for it the one that it serves?",
}
