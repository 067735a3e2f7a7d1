"""`degnode settle-session`: what a charging session comes to, from the ledger that its contract carries."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import simplejson
import typer

from degnode.printing import AsJson, print_table
from settlement.stall_flows import flows_of, total_of
from trading.charging.stall_ledger import faults_of
from trading.mapping.bags.stall_session import read_stall_session
from trading.mapping.find import find_object
from trading.refusals import FieldInvalid


def settle_session(
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(metavar="FILE", help="A message of 2.0.0 LTS with the contract; - is standard input."),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Work out what a charging session comes to, from its ledger and its terms (EvChargingSession 3.0).

    It needs no node. Ends with status 1 if the ledger says what none may say; then nothing is worked out.
    """
    session = read_stall_session(_contract_in(file.read()))
    faults, currency = faults_of(session), session.terms.energy.currency
    flows = () if faults else flows_of(session)
    total = total_of(flows, currency)
    if as_json:
        view: dict[str, Any] = {
            "faults": faults,
            "ended": session.last,
            "flows": [{"title": flow.title, "driver": str(flow.driver.amount)} for flow in flows],
            "driver": str(total.amount),
            "currency": currency.code,
        }
        print(json.dumps(view, ensure_ascii=False, indent=2))
    elif faults:
        print_table("What the ledger may not say", ("fault",), [(fault,) for fault in faults])
    else:
        rows = [(flow.title, str(flow.driver.amount), str(flow.operator.amount)) for flow in flows]
        rows.append(("total", str(total.amount), str(-total.amount)))
        print_table(f"The session in {currency.code}", ("line", "driver", "operator"), rows)
    if faults:
        sys.exit(1)


def _contract_in(raw: bytes) -> dict[str, Any]:
    """Return the contract of a message, or the document if it is one itself. Raises: FieldInvalid."""
    try:
        document = simplejson.loads(raw, use_decimal=True)
    except (ValueError, RecursionError) as error:
        raise FieldInvalid(f"this is no JSON: {error}") from error
    return find_object(document, "message", "contract") or find_object({"contract": document}, "contract")
