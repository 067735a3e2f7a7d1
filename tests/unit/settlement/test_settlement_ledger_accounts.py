"""Accounts: what they are is what they are called."""

from __future__ import annotations

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from settlement.ledger.accounts import (
    RULES,
    Account,
    AccountInvalid,
    AccountKind,
    Side,
    amount_in,
    unit_of,
    whole,
)
from settlement.ledger.balances import Balance

BOUNDED = {
    AccountKind.DEPOSIT,
    AccountKind.ESCROW,
    AccountKind.WALLET,
    AccountKind.CREDIT,
    AccountKind.GENERATION,
    AccountKind.DELIVERED,
}


def test_every_kind_has_a_rule_and_those_that_hold_what_is_there_are_bounded() -> None:
    assert set(RULES) == set(AccountKind)
    assert {kind for kind, rule in RULES.items() if rule.is_bounded} == BOUNDED


def test_an_account_has_the_same_id_whoever_names_it_and_no_other_has_it() -> None:
    accounts = {
        Account(owner=owner, kind=kind, unit=unit).id
        for owner in ("asha", "ravi")
        for kind in AccountKind
        for unit in ("INR", "JPY", "WH")
    }
    assert len(accounts) == 2 * len(AccountKind) * 3
    assert Account(owner="asha", kind=AccountKind.WALLET, unit="WH").id in accounts


@pytest.mark.parametrize(("owner", "unit"), [("", "INR"), ("a\nb", "INR"), ("\x00", "INR"), ("a", "KWH")])
def test_an_account_without_an_owner_or_in_no_unit_is_none(owner: str, unit: str) -> None:
    with pytest.raises(AccountInvalid):
        Account(owner=owner, kind=AccountKind.DEPOSIT, unit=unit)


@pytest.mark.parametrize("amount", [Energy(5), Money(5, Currency("KWD")), Money(5, Currency("JPY"))])
def test_an_amount_is_found_again_from_its_unit_and_number(amount: Money | Energy) -> None:
    assert amount_in(unit_of(amount), whole(amount)) == amount


def test_an_account_counts_on_the_side_on_which_it_grows() -> None:
    sums = {"debits_posted": 7, "credits_posted": 10, "debits_pending": 2, "credits_pending": 1}
    deposit = Balance(account=Account(owner="a", kind=AccountKind.DEPOSIT, unit="INR"), **sums)
    assert (deposit.account.rule.side, deposit.posted, deposit.available) == (Side.CREDIT, 3, 1)
    bank = Balance(account=Account(owner="a", kind=AccountKind.CASH_IN, unit="INR"), **sums)
    assert (bank.account.rule.side, bank.posted, bank.available) == (Side.DEBIT, -3, -4)
