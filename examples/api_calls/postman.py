"""A purchase as a Postman collection. Source: Postman Collection Format v2.1.0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from examples.api_calls.javascript import Tool, script
from examples.api_calls.steps import Act, Purchase, Step

Json = dict[str, Any]

SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
TOOL: Final = Tool(
    get="pm.variables.get({name})",
    put="pm.collectionVariables.set({name}, {value});",
    sleep="setTimeout(() => {{}}, {milliseconds});",
    again="pm.execution.setNextRequest({name});",
    check="pm.test({title}, () => pm.expect({claim}).to.equal(true));",
    status="pm.response.code",
    body="pm.response.json()",
)
_LANGUAGES: Final = {"application/json": "json", "application/sep+xml": "xml"}


def collection(purchase: Purchase) -> Json:
    """Return the collection; its variables hold no secret."""
    return {
        "info": {
            "name": purchase.name,
            "description": (
                "A purchase from the first look to the bill. Set `api_key`, and `bap`, `bpp` and `seller` if "
                "yours are others; then run the whole collection in its order."
            ),
            "schema": SCHEMA,
        },
        "variable": [{"key": name, "value": value} for name, value in purchase.variables.items()],
        "auth": {
            "type": "apikey",
            "apikey": [
                {"key": "key", "value": "X-Api-Key", "type": "string"},
                {"key": "value", "value": "{{api_key}}", "type": "string"},
                {"key": "in", "value": "header", "type": "string"},
            ],
        },
        "item": [_item(step) for step in purchase.steps],
    }


def _item(step: Step) -> Json:
    request: Json = {
        "method": step.method,
        "description": step.about,
        "header": [{"key": "Content-Type", "value": step.content_type}] if step.content_type else [],
        "url": step.url,
    }
    if step.body is not None:
        language = _LANGUAGES[step.content_type or ""]
        request["body"] = {"mode": "raw", "raw": step.body, "options": {"raw": {"language": language}}}
    events = [_event("prerequest", step, step.before), _event("test", step, step.after)]
    return {"name": step.name, "event": [event for event in events if event], "request": request}


def _event(listen: str, step: Step, acts: Sequence[Act]) -> Json:
    lines = [line for act in acts for line in script(act, TOOL, step=step.name)]
    return {"listen": listen, "script": {"type": "text/javascript", "exec": lines}} if lines else {}
