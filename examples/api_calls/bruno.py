"""A purchase as a Bruno collection: a folder of text files. Source: the Bru markup language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import simplejson

from examples.api_calls.javascript import Tool, script
from examples.api_calls.steps import Act, Purchase, Step

TOOL: Final = Tool(
    get="(bru.getVar({name}) ?? bru.getEnvVar({name}))",
    put="bru.setVar({name}, {value});",
    sleep="await bru.sleep({milliseconds});",
    again="bru.runner.setNextRequest({name});",
    check="test({title}, () => expect({claim}).to.equal(true));",
    status="res.getStatus()",
    body="res.getBody()",
)
_BODIES: Final = {"application/json": "json", "application/sep+xml": "xml"}
_SECRET: Final = "api_key"  # noqa: S105  the name of one


def files(purchase: Purchase) -> Mapping[str, str]:
    """Return the texts of the collection's files by their names; the environment names the secret."""
    about = {"version": "1", "name": f"degnode{purchase.suffix}", "type": "collection", "ignore": []}
    return {
        "bruno.json": simplejson.dumps(about, indent=2) + "\n",
        "environments/local.bru": _environment(purchase.variables),
        **{
            f"{number:02}-{step.name.replace(' ', '-')}.bru": _file(step, number)
            for number, step in enumerate(purchase.steps, start=1)
        },
    }


def _environment(variables: Mapping[str, str]) -> str:
    open_ones = [f"{name}: {value}" for name, value in variables.items() if name != _SECRET]
    return _block("vars", open_ones) + f"vars:secret [\n  {_SECRET}\n]\n"


def _file(step: Step, number: int) -> str:
    kind = _BODIES.get(step.content_type or "", "none")
    headers = ["X-Api-Key: {{api_key}}"]
    if step.content_type:
        headers.append(f"Content-Type: {step.content_type}")
    blocks = [
        _block("meta", [f"name: {step.name}", "type: http", f"seq: {number}"]),
        _block(step.method.lower(), [f"url: {step.url}", f"body: {kind}", "auth: none"]),
        _block("headers", headers),
    ]
    if step.body is not None:
        blocks.append(_block(f"body:{kind}", step.body.splitlines()))
    for name, acts in (("script:pre-request", step.before), ("script:post-response", step.after)):
        if lines := _lines(step, acts):
            blocks.append(_block(name, lines))
    blocks.append(_block("docs", [step.about]))
    return "\n".join(blocks)


def _lines(step: Step, acts: Sequence[Act]) -> list[str]:
    return [line for act in acts for line in script(act, TOOL, step=step.name)]


def _block(name: str, lines: Sequence[str]) -> str:
    return f"{name} {{\n" + "".join(f"  {line}".rstrip() + "\n" for line in lines) + "}\n"
