"""Energy comes onto the ledger as a meter's surplus grows, and leaves it when a revision takes it back.

A meter's energy comes onto the ledger by minting or by the settled cycles of contracts, whichever was first,
and for good: both count the same watt-hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from kernel.energy import ZERO_ENERGY, Energy
from kernel.errors import NodeError
from settlement.ledger.accounts import WATT_HOURS, Account, AccountKind
from settlement.ledger.entries import Transfer
from settlement.ledger.journal import lock_balances
from settlement.ledger.journal_entry import JournalEntry
from settlement.ledger.ledger import Ledger
from storage.unit_of_work import UnitOfWork

MINT: Final = "MINT"
"""The code of minted energy."""
_FIRST: Final = text("SELECT code FROM ledger_transfers WHERE debit = :generation ORDER BY seq LIMIT 1")
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('generation ' || :meter, 0))")


class MeterIsSettled(NodeError):
    """Contracts of a meter are settled: its energy is on the ledger by them, and cannot be minted too."""

    code, http_status, retryable = "LEDGER_METER_IS_SETTLED", 409, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Minting:
    """What a register's stand brought about; both entries may be None, where nothing moved.

    `deficit` is what should have been taken back and was spent already: until the register has made it
    up, nothing more comes of that meter.
    """

    minted: JournalEntry | None
    clawed_back: JournalEntry | None
    deficit: Energy


def generation_of(meter: str) -> Account:
    """Return the account of what a meter has brought into being."""
    return Account(owner=meter, kind=AccountKind.GENERATION, unit=WATT_HOURS)


def energy_wallet_of(owner: str) -> Account:
    """Return the account of the energy at an owner's disposal."""
    return Account(owner=owner, kind=AccountKind.WALLET, unit=WATT_HOURS)


async def came_by(meter: str, *, uow: UnitOfWork) -> str | None:
    """Return the code of what first brought energy of the meter onto the ledger; None if nothing did.

    In that case nobody else can begin until the unit of work ends. Ask before accounts are locked.
    """
    asked = {"generation": generation_of(meter).id}
    first: str | None = await uow.connection.scalar(_FIRST, asked)
    if first is None:
        await uow.connection.execute(_LOCK, {"meter": meter})
        first = await uow.connection.scalar(_FIRST, asked)  # somebody may have begun meanwhile
    return first


async def mint(
    ledger: Ledger, *, meter: str, owner: str, surplus_register: Energy, event_at: datetime, now: datetime
) -> Minting:
    """Bring what stands on the ledger for a meter to its surplus register, which counts since ever.

    What the register shows beyond the mark of what was minted before goes to the owner's wallet; saying
    the same stand again moves nothing. A lower stand is a revision: what is still in the wallet is taken
    back, and the rest is a deficit. Raises: MeterIsSettled, and as `Ledger.record` does.
    """
    if await came_by(meter, uow=ledger.uow) not in (None, MINT):
        raise MeterIsSettled(
            f"the energy of meter {meter} comes onto the ledger by its contracts",
            hint="What a meter gives is counted once: by minting, or by settled cycles.",
        )
    generation, wallet = generation_of(meter), energy_wallet_of(owner)
    await ledger.open(generation, wallet)
    balances = await lock_balances(ledger.uow.driver, sorted((generation.id, wallet.id)))
    mark = balances[generation.id]
    more = surplus_register.watt_hours - mark.posted
    back = min(-more, balances[wallet.id].available)
    stands = (str(surplus_register.watt_hours), str(mark.debits_posted), str(mark.credits_posted))
    minted = clawed_back = None
    if more > 0:
        minted = await ledger.transfer(
            Transfer(
                key=("mint", meter, *stands),
                debit=generation,
                credit=wallet,
                amount=Energy(more),
                code=MINT,
                ref=meter,
                event_at=event_at,
            ),
            now=now,
        )
    elif back > 0:
        clawed_back = await ledger.transfer(
            Transfer(
                key=("claw-back", meter, *stands),
                debit=wallet,
                credit=generation,
                amount=Energy(back),
                code="CLAW_BACK",
                ref=meter,
                event_at=event_at,
            ),
            now=now,
        )
    deficit = ZERO_ENERGY if more >= 0 else Energy(-more - back)
    return Minting(minted=minted, clawed_back=clawed_back, deficit=deficit)
