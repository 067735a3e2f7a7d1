"""Curtailments: that less is delivered under a contract than was agreed, how much less, and why. Pure.

`quantity` is what is cut from the contracted quantity, in all so far; what is left is the most that can be
delivered and billed. Source: EnergyTradeDelivery v0.2 of the branch p2p-trading, curtailedQuantity: "quantity
curtailed from original contracted amount". What was cut stays cut: a later curtailment cuts as much or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kernel.clock import format_instant
from kernel.energy import ZERO_ENERGY, Energy
from kernel.errors import NodeError
from kernel.interval import Interval
from trading.contract import Contract
from trading.delivery import Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Curtailment:
    """What is cut from a contract, from when on."""

    cut: Cut
    since: datetime


class NotCurtailable(NodeError):
    """Nothing is being delivered under the contract that could be cut."""

    code, http_status, retryable = "BIZ_INVALID_STATE_TRANSITION", 409, False


class CurtailmentContradicted(NodeError):
    """Something else was said to have been cut from the same time on."""

    code, http_status, retryable = "CURTAILMENT_CONTRADICTED", 409, False


class CurtailmentInvalid(NodeError):
    """That cannot have been cut from the contract, or not from that time on."""

    code, http_status, retryable = "CURTAILMENT_INVALID", 422, False


def check_curtailment(
    contract: Contract, wanted: Curtailment, *, last: Curtailment | None, settled: Energy
) -> None:
    """Let `wanted` pass as what is cut after `last`, where `settled` is settled under the contract already.

    Raises: NotCurtailable, CurtailmentContradicted, CurtailmentInvalid.
    """
    if not (contract.is_binding and contract.is_open):
        raise NotCurtailable(
            f"the order {contract.id} is {contract.status}", hint="Only what is ACTIVE can be curtailed."
        )
    if contract.terms.session is not None:
        raise NotCurtailable(
            f"the plug gives what {contract.id} was confirmed for",
            hint="Stop its session; before that begins, cancel it.",
        )
    check_cut(wanted, of=contract.quantity, window=contract.window, last=last, settled=settled)


def check_cut(
    wanted: Curtailment,
    *,
    of: Energy,
    window: Interval,
    last: Curtailment | None,
    settled: Energy = ZERO_ENERGY,
) -> None:
    """Let `wanted` pass as what is cut after `last` from so much energy that flows within a window.

    Raises: CurtailmentContradicted, CurtailmentInvalid.
    """
    _check_quantity(of, wanted.cut.quantity, settled=settled)
    _check_since(window, wanted.since)
    if last is not None:
        _check_order(wanted, last)


def _check_quantity(contracted: Energy, quantity: Energy, *, settled: Energy) -> None:
    if not ZERO_ENERGY < quantity <= contracted:
        raise CurtailmentInvalid(
            f"{quantity} cannot be cut from {contracted}",
            path="watt_hours",
            hint=f"Say what is cut in all, from 1 to {contracted.watt_hours} Wh.",
        )
    if contracted - quantity < settled:
        raise CurtailmentInvalid(
            f"{settled} of {contracted} are settled already",
            path="watt_hours",
            hint=f"At most {(contracted - settled).watt_hours} Wh can still be cut.",
        )


def _check_since(window: Interval, since: datetime) -> None:
    if not window.start <= since < window.end:
        raise CurtailmentInvalid(
            f"nothing flows under the contract at {format_instant(since)}",
            path="since",
            hint=f"It runs from {format_instant(window.start)} up to {format_instant(window.end)}.",
        )


def _check_order(wanted: Curtailment, last: Curtailment) -> None:
    if wanted.since == last.since:
        raise CurtailmentContradicted(
            f"from {format_instant(last.since)} on {last.cut.quantity} were cut for {last.cut.reason}",
            path="since",
            hint="A curtailment stays as it was said; say what is cut from a later time on.",
        )
    if wanted.since < last.since:
        raise CurtailmentInvalid(
            f"the last curtailment was from {format_instant(last.since)} on",
            path="since",
            hint="Say what is cut from a later time on.",
        )
    if wanted.cut.quantity < last.cut.quantity:
        raise CurtailmentInvalid(
            f"{last.cut.quantity} are cut already",
            path="watt_hours",
            hint="Say what is cut in all; what was cut stays cut.",
        )
