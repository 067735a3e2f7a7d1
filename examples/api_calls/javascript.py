"""What is done before and after a call, as JavaScript; the tools differ in how they keep and ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from examples.api_calls.steps import Act, AddUp, Expect, Holds, Keep, Place, SetWindow, Until, WaitForEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """How scripts of one tool say things; `{…}` is filled in.

    `again` calls the step `{name}` next, `check` holds a `{claim}` under a `{title}`.
    """

    get: str
    put: str
    sleep: str
    again: str
    check: str
    status: str
    body: str


def script(act: Act, tool: Tool, *, step: str) -> list[str]:
    """Return the lines of JavaScript that do `act` in the step of that name."""
    return _WRITERS[type(act)](act, tool, step)


def _get(tool: Tool, name: str) -> str:
    return tool.get.format(name=json.dumps(name))


def _put(tool: Tool, name: str, value: str) -> str:
    return tool.put.format(name=json.dumps(name), value=value)


def _check(tool: Tool, title: str, claim: str) -> str:
    return tool.check.format(title=json.dumps(title), claim=claim)


def _at(tool: Tool, place: Place) -> str:
    return tool.body + "".join(f"[{json.dumps(key)}]" for key in place)


def _set_window(act: SetWindow, tool: Tool, _step: str) -> list[str]:
    middle = [_put(tool, "middle", "written(Math.floor((start + end) / 2))")]
    return [
        "const start = Math.floor(Date.now() / 1000);",
        f"const end = start + Number({_get(tool, 'seconds')});",
        'const written = (second) => new Date(second * 1000).toISOString().replace(".000Z", "Z");',
        _put(tool, "start_epoch", "String(start)"),
        _put(tool, "start", "written(start)"),
        _put(tool, "end", "written(end)"),
        *(middle if act.halves else []),
    ]


def _wait_for_end(_act: WaitForEnd, tool: Tool, _step: str) -> list[str]:
    left = f"Math.max(0, Date.parse({_get(tool, 'end')}) - Date.now())"
    return [tool.sleep.format(milliseconds=left)]


def _expect(act: Expect, tool: Tool, _step: str) -> list[str]:
    words = " or ".join(map(str, act.statuses))
    return [_check(tool, f"the answer is {words}", f"{json.dumps(act.statuses)}.includes({tool.status})")]


def _keep(act: Keep, tool: Tool, _step: str) -> list[str]:
    value = _at(tool, act.place)
    return [_put(tool, act.variable, f"JSON.stringify({value})" if act.as_json else f"String({value})")]


def _holds(act: Holds, tool: Tool, _step: str) -> list[str]:
    claim = f"{_at(tool, act.place)} === {json.dumps(act.value)}"
    return [_check(tool, f"{act.place[-1]} is {act.value}", claim)]


def _until(act: Until, tool: Tool, step: str) -> list[str]:
    value, looks = _at(tool, act.place), _get(tool, "looks")
    done = f"{value} === {json.dumps(act.value)}"
    return [
        f"const looks = Number({looks} || 0);",
        f"if (!({done}) && looks < {act.times}) {{",
        f"  {_put(tool, 'looks', 'String(looks + 1)')}",
        f"  {tool.sleep.format(milliseconds='500')}",
        f"  {tool.again.format(name=json.dumps(step))}",
        "  return;",
        "}",
        _put(tool, "looks", '"0"'),
        _check(tool, f"{act.place[-1]} is {act.value}", done),
    ]


def _add_up(act: AddUp, tool: Tool, _step: str) -> list[str]:
    form = act.form
    lines = f"bill.{form.lines}.reduce((sum, line) => sum + {_cents(f'line.{form.amount}')}, 0)"
    adds_up = f"{lines} === {_cents(f'bill.{form.total}')}"
    shown = f"line.title, line.{form.amount}, line.{form.currency}"
    return [
        f"for (const bill of {_at(tool, act.bills)}) {{",
        f"  bill.{form.lines}.forEach((line) => console.log({shown}));",
        f"  {_check(tool, 'the lines of the bill add up', adds_up)}",
        "}",
    ]


def _cents(amount: str) -> str:
    return f"Math.round(Number({amount}) * 100)"


_WRITERS: Final[Mapping[type, Callable[[Any, Tool, str], list[str]]]] = {
    SetWindow: _set_window,
    WaitForEnd: _wait_for_end,
    Expect: _expect,
    Keep: _keep,
    Holds: _holds,
    Until: _until,
    AddUp: _add_up,
}
