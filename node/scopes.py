"""What a key may do: THE TABLE of scopes, and the check against it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from kernel.errors import NodeError


class Scope(StrEnum):
    """One thing that a key may do."""

    BUY = "buy"
    MARKET = "market"
    SELL = "sell"
    CATALOG_READ = "catalog:read"
    CATALOG_EDIT = "catalog:edit"
    CONTRACTS_READ = "contracts:read"
    CONTRACTS_CURTAIL = "contracts:curtail"
    CONTRACTS_CHANGE = "contracts:change"
    PAYMENTS_START = "payments:start"
    METERS_WRITE = "meters:write"
    METERS_READ = "meters:read"
    METERS_EDIT = "meters:edit"
    METRICS_READ = "metrics:read"
    NETWORK_READ = "network:read"
    NETWORK_ADMIN = "network:admin"
    KEYS_ADMIN = "keys:admin"
    AUDIT_READ = "audit:read"
    ADMIN = "admin"


MEANING: Final = {
    Scope.BUY: "Send requests to sellers, read what came of them, and follow events.",
    Scope.MARKET: "Search, buy and follow orders in plain words, for the accounts of the key's own holder.",
    Scope.SELL: "Send whole callbacks in the seller's name, as software behind the common adapter does.",
    Scope.CATALOG_READ: "Read what is for sale with its history, and what was published.",
    Scope.CATALOG_EDIT: "Change what is for sale, withdraw it, and publish it.",
    Scope.CONTRACTS_READ: "Read transactions, events, contracts and bills.",
    Scope.CONTRACTS_CURTAIL: "Say that less is delivered under a contract than was agreed, and why.",
    Scope.CONTRACTS_CHANGE: "Cancel contracts, propose changes of them, and answer what buyers propose.",
    Scope.PAYMENTS_START: "Have bills paid and deposits filled.",
    Scope.METERS_WRITE: "Register meters and send their readings; see one's own.",
    Scope.METERS_READ: "Read meters, their energy, and which readings were set aside and why.",
    Scope.METERS_EDIT: "Have meters validated and estimated, edit readings, and set the rules for it.",
    Scope.METRICS_READ: "Read the metrics.",
    Scope.NETWORK_READ: "Read how peers do, and which are allowed or refused.",
    Scope.NETWORK_ADMIN: "Allow and refuse peers.",
    Scope.KEYS_ADMIN: "Make, list and revoke API keys, none of which may do more than oneself.",
    Scope.AUDIT_READ: "Read the record of administrative acts.",
    Scope.ADMIN: "Everything.",
}

_INCLUDED: Final = {
    Scope.BUY: {Scope.CONTRACTS_READ, Scope.MARKET},
    Scope.SELL: {Scope.CONTRACTS_READ},
    Scope.CATALOG_EDIT: {Scope.CATALOG_READ},
    Scope.CONTRACTS_CURTAIL: {Scope.CONTRACTS_READ},
    Scope.CONTRACTS_CHANGE: {Scope.CONTRACTS_READ},
    Scope.PAYMENTS_START: {Scope.CONTRACTS_READ},
    Scope.METERS_EDIT: {Scope.METERS_READ},
    Scope.NETWORK_ADMIN: {Scope.NETWORK_READ},
    Scope.ADMIN: set(Scope),
}


class ScopeMissing(NodeError):
    """The key is good, but not for this."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 403, False


class ScopeUnknown(NodeError):
    """There is no such scope."""

    code, http_status, retryable = "SCH_INVALID_ENUM", 422, False


def all_of(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return `scopes` with those that they include."""
    own = frozenset(scopes)
    return own.union(*(_INCLUDED.get(scope, set()) for scope in own))


def check_scope(scopes: Iterable[Scope], needed: Scope) -> None:
    """Refuse a key with these scopes what needs `needed`. Raises: ScopeMissing."""
    if needed not in all_of(scopes):
        raise ScopeMissing(
            f"this API key lacks the scope {needed}",
            path="header X-Api-Key",
            hint=f"Ask the operator for a key that may {needed}: degnode api-keys new --scope {needed}.",
        )


def read_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """Return the scopes of these names; `*` is all. Raises: ScopeUnknown."""
    return frozenset(_read_scope(name) for name in names)


def known_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """Return those of a stored key's scopes that this release knows; another one grants nothing."""
    return frozenset(Scope(name) for name in names if name in set(Scope))


def _read_scope(name: str) -> Scope:
    try:
        return Scope.ADMIN if name == "*" else Scope(name)
    except ValueError:
        raise ScopeUnknown(
            f"{name[:40]!r} is no scope", path="scopes", hint=f"There are {', '.join(Scope)}."
        ) from None
