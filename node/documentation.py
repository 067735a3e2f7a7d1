"""How an HTTP API describes itself: what its routes answer, and the page at `/docs` that tells it.

FastAPI's own pages load their scripts from a CDN; this one needs nothing but the node itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

_POLICY: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_STYLE: Final = """
  :root { color-scheme: light dark; }
  body { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; font: 16px/1.5 system-ui, sans-serif; }
  h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
  details { border-top: 1px solid #8884; padding: .5rem 0; }
  summary { cursor: pointer; overflow-wrap: anywhere; }
  code { font-size: .95em; } td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
  .soft { opacity: .7; }
"""

OBJECT: Final[Mapping[int | str, dict[str, Any]]] = {200: {"model": dict[str, Any]}}
"""The answer of a route whose members are told in its documentation."""

_REFUSALS: Final = {
    400: "The body cannot be read.",
    401: "The API key is missing or unknown.",
    403: "The API key is good, but not for this.",
    404: "There is no such thing here.",
    409: "It stands against what is there already.",
    410: "It was here, and is not any more.",
    412: "It is meant for another version than there is.",
    413: "The body is over the limit.",
    415: "The body is in a form that is not taken.",
    422: "A parameter breaks its rule.",
    429: "Too many wrong API keys came from this address; Retry-After says how long to wait.",
    501: "Something that this node would need for it is not installed here.",
    503: "Something that this node needs cannot be reached; send it again later.",
}


class ErrorBody(BaseModel):
    """An error: its code, a sentence, and in `details` where it is and what to do."""

    code: str
    message: str
    details: dict[str, Any] | None = None


class RefusalBody(BaseModel):
    """Why a request was not served."""

    error: ErrorBody


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of answers that refuse, for a route's `responses`.

    Where a key is needed (401), it may also be one for something else, or one guess too many.
    """
    needs_key = (403, 429) if 401 in statuses else ()
    return {
        status: {"model": RefusalBody, "description": _REFUSALS[status]}
        for status in sorted({*statuses, *needs_key})
    }


def add_documentation(app: FastAPI) -> None:
    """Serve the page at `/docs` of an application that was made without FastAPI's own."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(write_page(app.openapi()), headers=_POLICY)


def write_page(document: Mapping[str, Any]) -> str:
    """Return the page that lists every operation of an OpenAPI document by its tag."""
    info, by_tag = document["info"], dict[str, list[str]]()
    for tag, entry in _entries(document):
        by_tag.setdefault(tag, []).append(entry)
    sections = "".join(f"<h2>{escape(tag)}</h2>{''.join(entries)}" for tag, entries in by_tag.items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(info['title'])}</h1><p>{escape(info.get('description', ''))}</p>"
        '<p>Schemas and examples are in <a href="openapi.json">openapi.json</a>, which any OpenAPI tool '
        f"reads.</p>{sections}</body></html>"
    )


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield (operation.get("tags") or ["other"])[0], _entry(method, path, operation)


def _entry(method: str, path: str, operation: Mapping[str, Any]) -> str:
    scopes = [scope for way in operation.get("security", ()) for names in way.values() for scope in names]
    key = f"needs a key that may {scopes[0]}" if scopes else "open to all"
    answers = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(answer.get('description', ''))}</td></tr>"
        for status, answer in sorted(operation.get("responses", {}).items())
    )
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
        f'{escape(operation.get("summary", ""))} <span class="soft">({key})</span></summary>'
        f"<p>{escape(operation.get('description', ''))}</p><table>{answers}</table></details>"
    )
