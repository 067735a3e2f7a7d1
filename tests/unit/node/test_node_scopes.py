"""What a key may do."""

from __future__ import annotations

import pytest

from node.scopes import (
    MEANING,
    Scope,
    ScopeMissing,
    ScopeUnknown,
    all_of,
    check_scope,
    known_scopes,
    read_scopes,
)


def test_every_scope_says_what_it_allows() -> None:
    assert set(MEANING) == set(Scope)


@pytest.mark.parametrize("scope", Scope)
def test_whoever_may_everything_may_each_thing(scope: Scope) -> None:
    check_scope({Scope.ADMIN}, scope)
    check_scope({scope}, scope)


@pytest.mark.parametrize("scope", sorted(set(Scope) - {Scope.ADMIN}))
def test_no_single_thing_is_everything(scope: Scope) -> None:
    with pytest.raises(ScopeMissing):
        check_scope({scope}, Scope.ADMIN)


def test_whoever_trades_may_read_what_came_of_it() -> None:
    assert all_of({Scope.BUY}) == {Scope.BUY, Scope.CONTRACTS_READ, Scope.MARKET}
    assert all_of({Scope.NETWORK_ADMIN}) == {Scope.NETWORK_ADMIN, Scope.NETWORK_READ}
    assert all_of([]) == frozenset()


def test_a_refusal_names_the_scope_that_is_missing() -> None:
    with pytest.raises(ScopeMissing) as caught:
        check_scope({Scope.BUY}, Scope.METERS_WRITE)
    assert (caught.value.code, caught.value.http_status) == ("AUT_UNAUTHORIZED_ACTION", 403)
    assert "meters:write" in caught.value.message


def test_scopes_are_read_by_name() -> None:
    assert read_scopes(["buy", "meters:write"]) == {Scope.BUY, Scope.METERS_WRITE}
    assert read_scopes(["*"]) == {Scope.ADMIN}
    with pytest.raises(ScopeUnknown) as caught:
        read_scopes(["sing"])
    assert "'sing'" in caught.value.message
    assert "buy" in (caught.value.hint or "")


def test_a_stored_scope_of_a_later_release_grants_nothing() -> None:
    assert known_scopes(["buy", "fly"]) == {Scope.BUY}
