"""JSON with exact numbers: a Decimal comes in and goes out digit by digit, never through a float."""

from __future__ import annotations

from typing import Any, Final

import simplejson
from fastapi import Request
from fastapi.responses import JSONResponse

from node.request_body import read_body
from protocol.errors import JsonInvalid

_WANTED: Final = "Send one JSON object in UTF-8."


def dump(content: object) -> str:
    """Return `content` as JSON on one line.

    A lone surrogate, which JSON can name and UTF-8 cannot carry, is written as its escape.
    """
    text = simplejson.dumps(content, use_decimal=True, ensure_ascii=False)
    return text.encode(errors="backslashreplace").decode()


class ExactJsonResponse(JSONResponse):
    """An answer in JSON with exact numbers."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401  Starlette's own signature
        return dump(content).encode()


async def read_json(request: Request, *, max_bytes: int) -> Any:  # noqa: ANN401  any JSON value
    """Return the body of `request`, its numbers int or Decimal.

    Raises: BodyTooLarge, JsonInvalid.
    """
    raw = await read_body(request, max_bytes=max_bytes)
    try:
        document = simplejson.loads(raw, use_decimal=True)
        simplejson.dumps(document, use_decimal=True, ensure_ascii=False).encode()
    except RecursionError as error:
        raise JsonInvalid("the body is nested too deeply", path="$") from error
    except simplejson.JSONDecodeError as error:
        raise JsonInvalid(
            f"the body is no JSON from character {error.pos + 1} on", path="$", hint=_WANTED
        ) from error
    except ValueError as error:
        raise JsonInvalid(
            "the body is not in UTF-8, or holds half a character or too long a number",
            path="$",
            hint=_WANTED,
        ) from error
    return document
