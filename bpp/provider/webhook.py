"""A back office behind a URL: one signed POST a question or event, its answer in JSON."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
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
from kernel.plain_text import one_line
from registry_client.reach import AnswerTooLong, read_at_most
from storage.backoff import Backoff

SIGNATURE_HEADER: Final = "X-Provider-Signature"
_MOST_ANSWER_BYTES: Final = 65_536
_LONGEST_WORDS: Final = 200  # characters
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
                return read_answer(await self._post(body, key=key, read=_read_answer))
            except (ProviderUnreached, _Busy) as error:
                failures += 1
                pause = _AGAIN.after(failures)
                if self._clock.now() + pause >= question.answer_by:
                    raise ProviderUnreached(f"no answer in time: {error}, at try {failures}") from error
                await asyncio.sleep(pause.total_seconds())

    async def tell(self, event: Event) -> None:
        """Post an event once; what is said to one that is taken counts for nothing.

        Raises: ProviderAway, ProviderUnreached.
        """
        await self._post(
            orjson.dumps(write_event(event)), key=f"provider-event-{event.id}", read=_read_nothing
        )

    async def _post(
        self, body: bytes, *, key: str, read: Callable[[httpx.Response], Awaitable[bytes]]
    ) -> bytes:
        """Return what was answered to a post that was taken. Raises: ProviderAway, ProviderUnreached."""
        try:
            async with (
                httpx.AsyncClient(timeout=None, trust_env=False, verify=self._verify) as client,  # noqa: S113
                client.stream("POST", self._url, content=body, headers=self._headers(body, key)) as response,
            ):
                _require_taken(response)
                return await read(response)
        except httpx.ConnectError as error:
            raise ProviderUnreached(f"the back office could not be reached: {_words(error)}") from error
        except httpx.HTTPError as error:
            raise ProviderUnreached(f"the connection to the back office was lost: {_words(error)}") from error

    def _headers(self, body: bytes, key: str) -> Mapping[str, str]:
        signature = sign_body(body, secret=self._secret.get_secret_value(), at=self._clock.now())
        return {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "Idempotency-Key": key,
            SIGNATURE_HEADER: signature,
        }


def _require_taken(response: httpx.Response) -> None:
    """Raises: ProviderAway, if the answer is no 2xx."""
    status = response.status_code
    if status in _LATER or status >= _FIRST_OF_SERVER:
        raise _Busy(f"the back office answered {status}")
    if not response.is_success:
        hint = _MOVED if response.is_redirect else _HINTS.get(status)
        raise ProviderAway(f"the back office answered {status}", hint=hint)


async def _read_nothing(_response: httpx.Response) -> bytes:
    return b""


async def _read_answer(response: httpx.Response) -> bytes:
    """Return the body of an answer. Raises: ProviderAway, HTTPError."""
    coding = response.headers.get("Content-Encoding", "identity").lower()
    if coding != "identity":
        raise ProviderAway("the back office compresses its answer", hint="Have it answer in plain JSON.")
    try:
        return await read_at_most(response, _MOST_ANSWER_BYTES)
    except AnswerTooLong as error:
        raise ProviderAway("the back office says more than 65536 bytes") from error


def _words(error: Exception) -> str:
    """Return what is known of a connection that failed."""
    said = one_line(str(error))[:_LONGEST_WORDS]
    return f"{type(error).__name__}{said and ': '}{said}"


_MOVED: Final = "Redirects are not followed: give the node the URL to which it points."
_HINTS: Final[Mapping[int, str]] = {
    401: "Does it have the secret that the node has for it, and the right time? The bytes as they came are "
    "signed: no JSON that was written anew.",
    404: "Is the URL that the node has for it the one that it serves?",
    405: "Does it take POST at this very URL?",
}
