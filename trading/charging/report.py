"""A charging session as its buyer is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from kernel.proportion import ratio
from trading.charging.session import Session
from trading.charging.session_states import SessionState
from trading.delivery import ConnectorStatus, DeliveryStatus, SessionReport, SessionStatus

_TOLD: Final[Mapping[SessionState, tuple[SessionStatus, DeliveryStatus]]] = {
    SessionState.RESERVED: (SessionStatus.PENDING, DeliveryStatus.PENDING),
    SessionState.STARTING: (SessionStatus.PENDING, DeliveryStatus.PENDING),
    SessionState.CHARGING: (SessionStatus.ACTIVE, DeliveryStatus.IN_PROGRESS),
    SessionState.SUSPENDED: (SessionStatus.ACTIVE, DeliveryStatus.IN_PROGRESS),
    SessionState.INTERRUPTED: (SessionStatus.INTERRUPTED, DeliveryStatus.IN_PROGRESS),
    SessionState.STOPPING: (SessionStatus.STOP, DeliveryStatus.IN_PROGRESS),
    SessionState.FINISHED: (SessionStatus.STOP, DeliveryStatus.IN_PROGRESS),
    SessionState.ENDED: (SessionStatus.COMPLETED, DeliveryStatus.COMPLETED),
    SessionState.NO_SHOW: (SessionStatus.COMPLETED, DeliveryStatus.FAILED),
    SessionState.FAILED: (SessionStatus.INTERRUPTED, DeliveryStatus.FAILED),
    SessionState.CANCELLED: (SessionStatus.STOP, DeliveryStatus.FAILED),
}
"""The words of EvChargingSession v1 and EnergyTradeDelivery v0.2 for each state."""

_REASONS: Final[Mapping[SessionState, str]] = {
    SessionState.STARTING: "the plug was told to start",
    SessionState.SUSPENDED: "nothing flows for now",
    SessionState.FINISHED: "charging has ended; the vehicle is still at the plug",
    SessionState.NO_SHOW: "nobody came in time",
}
_CONNECTOR: Final[Mapping[SessionState, ConnectorStatus]] = {
    SessionState.RESERVED: ConnectorStatus.AVAILABLE,
    SessionState.STARTING: ConnectorStatus.PREPARING,
    SessionState.INTERRUPTED: ConnectorStatus.UNAVAILABLE,
    SessionState.FAILED: ConnectorStatus.UNAVAILABLE,
}
"""How the plug stands for the driver, where that is not plain from the session."""
_MINUTE: Final = timedelta(minutes=1)
_HUNDREDTH: Final = Decimal("0.01")


def session_delivery(session: Session) -> DeliveryStatus:
    """Return how the delivery of a session stands."""
    return _TOLD[session.state][1]


def report_of(session: Session) -> SessionReport:
    """Return what is told of a session; its minutes once its charging has ended."""
    charging = session.facts.charging
    counted = ratio(charging, _MINUTE)
    minutes = Decimal(counted.numerator) / counted.denominator
    return SessionReport(
        status=_TOLD[session.state][0],
        connector=_connector(session),
        connector_type=session.connector_type,
        max_power=session.max_power,
        minutes=minutes.quantize(_HUNDREDTH, ROUND_HALF_UP) if session.stopped_at else None,
        is_reserved=session.is_reserved,
        why=session.why or _REASONS.get(session.state, ""),
    )


def report_of_none(*, ended: bool) -> SessionReport:
    """Return what is told of the session of a contract that binds nobody, or not any more."""
    return SessionReport(status=SessionStatus.STOP if ended else SessionStatus.PENDING)


def _connector(session: Session) -> ConnectorStatus | None:
    """Return how the plug stands; one that would not start is there for nobody, until it does."""
    if session.was_refused and session.state is SessionState.RESERVED:
        return ConnectorStatus.UNAVAILABLE
    return _CONNECTOR.get(session.state)
