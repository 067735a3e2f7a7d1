"""A small interpreter of the Postman collection: its requests over real HTTP, its scripts by what they say.

Each script is made of lines that the writer of the collection makes of one act; a line that is none of
those is not understood, and fails.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import simplejson

from examples.api_calls.javascript import script
from examples.api_calls.postman import TOOL
from examples.api_calls.steps import (
    Act,
    AddUp,
    Expect,
    Holds,
    Keep,
    Place,
    SetWindow,
    Step,
    Until,
    WaitForEnd,
)
from kernel.clock import Clock, format_instant, parse_instant

Json = dict[str, Any]


class ScriptUnknown(Exception):
    """A script of the collection does what this interpreter does not know."""


@dataclass(slots=True, kw_only=True)
class CollectionRun:
    """A run of a collection; `variables` may set those of the collection otherwise."""

    collection: Json
    steps: Sequence[Step]
    http: httpx.AsyncClient
    clock: Clock
    variables: dict[str, str]
    answers: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = {each["key"]: each["value"] for each in self.collection["variable"]}
        self.variables = own | self.variables

    async def run(self) -> None:
        """Make every call in order. Raises: AssertionError, where a check of the collection fails."""
        for item, step in zip(self.collection["item"], self.steps, strict=True):
            for act in _acts(item, "prerequest", step):
                await self._before(act)
            for _ in range(_most_times(step)):
                answer = await self._send(item["request"])
                if not _calls_again(step, answer):
                    break
                await asyncio.sleep(0.5)
            self.answers[item["name"]] = answer
            for act in _acts(item, "test", step):
                self._after(act, answer)

    async def _send(self, request: Json) -> Json:
        key = {each["key"]: each["value"] for each in self.collection["auth"]["apikey"]}
        assert key["in"] == "header"
        headers = {each["key"]: each["value"] for each in request["header"]}
        headers[key["key"]] = self._filled(key["value"])
        response = await self.http.request(
            request["method"],
            self._filled(request["url"]),
            headers=headers,
            content=self._filled(request["body"]["raw"]) if "body" in request else None,
        )
        body = simplejson.loads(response.content, use_decimal=True) if response.content else {}
        return {"status": response.status_code, "body": body}

    def _filled(self, text: str) -> str:
        return re.sub(r"\{\{(\w+)\}\}", lambda match: self.variables[match[1]], text)

    async def _before(self, act: Act) -> None:
        match act:
            case SetWindow():
                start = int(self.clock.now().timestamp())
                end = start + int(self.variables["seconds"])
                instants = {"start": start, "end": end}
                if act.halves:
                    instants["middle"] = (start + end) // 2
                for name, second in instants.items():
                    self.variables[name] = format_instant(datetime.fromtimestamp(second).astimezone())
                self.variables["start_epoch"] = str(start)
            case WaitForEnd():
                left = parse_instant(self.variables["end"]) - self.clock.now()
                await asyncio.sleep(max(0.0, left.total_seconds()))
            case _:
                raise ScriptUnknown(f"nothing is known of {act} before a request")

    def _after(self, act: Act, answer: Json) -> None:
        match act:
            case Expect():
                assert answer["status"] in act.statuses, answer
            case Keep():
                value = _at(answer, act.place)
                kept = simplejson.dumps(value, use_decimal=True) if act.as_json else str(value)
                self.variables[act.variable] = kept
            case Holds() | Until():
                assert _at(answer, act.place) == act.value
            case AddUp(form=form):
                for bill in _at(answer, act.bills):
                    assert sum(_cost(line, form.amount) for line in bill[form.lines]) == _cost(
                        bill, form.total
                    )
            case _:
                raise ScriptUnknown(f"nothing is known of {act} after a request")


def _acts(item: Mapping[str, Any], listen: str, step: Step) -> Iterator[Act]:
    """Yield what the scripts of an item do, by their lines. Raises: ScriptUnknown."""
    known = {tuple(script(act, TOOL, step=step.name)): act for act in (*step.before, *step.after)}
    lines = [line for each in item["event"] if each["listen"] == listen for line in each["script"]["exec"]]
    while lines:
        found = next((each for each in known if tuple(lines[: len(each)]) == each), None)
        if found is None:
            raise ScriptUnknown(f"{item['name']}: {lines[0]}")
        lines = lines[len(found) :]
        yield known[found]


def _most_times(step: Step) -> int:
    return next((act.times for act in step.after if isinstance(act, Until)), 1)


def _calls_again(step: Step, answer: Json) -> bool:
    return any(_at(answer, act.place) != act.value for act in step.after if isinstance(act, Until))


def _at(answer: Json, place: Place) -> Any:
    value = answer["body"]
    for key in place:
        value = value[key]
    return value


def _cost(place: Json, keys: str) -> Decimal:
    value: Any = place
    for key in keys.split("."):
        value = value[key]
    return Decimal(value)
