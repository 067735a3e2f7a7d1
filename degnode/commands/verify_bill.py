"""`degnode verify-bill`: a bill's statement, computed anew by code that settled nothing."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from degnode.bill_verifier.differences import NOTHING, Difference
from degnode.bill_verifier.verify import verify_statement
from degnode.printing import AsJson, print_table


def verify_bill(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(metavar="FILE", help="A bill's statement; - is standard input.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Compute a bill anew from its statement, FILE, and name every figure that differs.

    It needs no node. Ends with status 1 if a figure differs.
    """
    found = verify_statement(file.read())
    if as_json:
        print(json.dumps([_record(each) for each in found], ensure_ascii=False, indent=2))
    elif found:
        rows = [(each.path, _word(each.told), _word(each.computed)) for each in found]
        print_table("What differs", ("figure", "told", "computed"), rows)
    else:
        print("Every figure follows from the readings, the terms and the rules.")
    if found:
        sys.exit(1)


def _record(difference: Difference) -> dict[str, object]:
    return {
        "path": difference.path,
        **({} if difference.told is NOTHING else {"told": difference.told}),
        **({} if difference.computed is NOTHING else {"computed": difference.computed}),
    }


def _word(value: object) -> str:
    return "nothing" if value is NOTHING else json.dumps(value, ensure_ascii=False)
