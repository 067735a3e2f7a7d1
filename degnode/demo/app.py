"""The consumer's app in the demo: it knows the BAP's HTTP API and nothing else."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Self

import httpx
import simplejson

from kernel.errors import NodeError
from node.api_keys import HEADER
from protocol.actions import Action
from protocol.errors import WireError

_WAIT_SECONDS: Final = 10

Json = dict[str, Any]


class TradeFailed(NodeError):
    """A step of the trade did not go as it should."""

    code, http_status, retryable = "BIZ_GENERIC_ERROR", 500, False


class App:
    """Sends requests of one wire through the BAP and reads what came of them; numbers stay exact."""

    def __init__(self, url: str, *, api_key: str, seller: str, profile: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers={HEADER: api_key}, timeout=_WAIT_SECONDS + 5)
        self._seller = seller
        self._profile = profile

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def call(self, action: Action, message: Json, *, transaction_id: str | None = None) -> Json:
        """Return the callback to `action`, waiting for it.

        Raises: TradeFailed, when there is none or it carries an error.
        """
        response = await self._send(action, message, transaction_id=transaction_id)
        answer: Json = simplejson.loads(response.content, use_decimal=True)
        if response.status_code != httpx.codes.OK or "error" in answer:
            raise TradeFailed(f"{action} failed with HTTP {response.status_code}: {simplejson.dumps(answer)}")
        return answer

    async def refusal(self, action: Action, message: Json, *, transaction_id: str) -> str:
        """Return why `action` is refused, in words, and what to do. Raises: TradeFailed, when it is not."""
        response = await self._send(action, message, transaction_id=transaction_id)
        answer: Json = simplejson.loads(response.content, use_decimal=True)
        if "error" not in answer:
            raise TradeFailed(f"{action} was to be refused, and was not")
        error = WireError.from_wire(answer["error"])
        return ". ".join(filter(None, (error.message, error.hint)))

    async def transaction(self, transaction_id: str) -> Json:
        """Return everything that the BAP knows of the transaction, its messages included."""
        response = await self._http.get(f"/api/v1/transactions/{transaction_id}", params={"documents": True})
        response.raise_for_status()
        found: Json = simplejson.loads(response.content, use_decimal=True)
        return found

    async def _send(self, action: Action, message: Json, *, transaction_id: str | None) -> httpx.Response:
        request = {"bpp_id": self._seller, "wire": self._profile, "message": message}
        if transaction_id is not None:
            request["transaction_id"] = transaction_id
        return await self._http.post(
            f"/api/v1/{action}", params={"wait": _WAIT_SECONDS}, content=simplejson.dumps(request)
        )
