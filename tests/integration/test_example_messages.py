"""The examples' messages are those of conversations that were run for real, each ending in its bill."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
import simplejson

from bap.examples import CALLBACKS, REQUESTS
from examples.conversations.use_cases import (
    BATTERY_SWAP,
    EV,
    EV_RESERVED,
    EV_STALL,
    HOUSEHOLD,
    INTER_UTILITY,
    P2P,
    STORAGE,
    USE_CASES,
    VEHICLE_TO_GRID,
    UseCase,
)
from examples.write_messages import conversation, documented
from protocol.actions import TRADE
from protocol.detection import detect
from protocol.profile import PROFILES, V2_RC, Profile
from schemas.validation import schema_set
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.official import official_message_errors
from tests.support.participants import fresh_database
from trading.mapping import wire_of
from trading.report import ContractReport

MESSAGES: Final = Path(__file__).resolve().parents[2] / "examples" / "messages"
EACH: Final = [(use_case, profile) for use_case in USE_CASES for profile in PROFILES.values()]
NAMES: Final = [f"{use_case.name}-{profile.name}" for use_case, profile in EACH]
ACTIONS: Final = [action for exchange in TRADE for action in (exchange.request, exchange.callback)]
FILES: Final = sorted(path.relative_to(MESSAGES).as_posix() for path in MESSAGES.rglob("*.json"))


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = simplejson.loads((MESSAGES / name).read_bytes(), use_decimal=True)
    return document


def texts_below(folder: str) -> dict[str, str]:
    return {name: (MESSAGES / name).read_text("utf-8") for name in FILES if name.startswith(f"{folder}/")}


def end_of(use_case: UseCase, profile: Profile) -> ContractReport:
    """Return what the last unasked on_status of a use case says of its contract."""
    names = [name for name in FILES if name.startswith(f"{profile.name}/{use_case.name}/")]
    statuses = [name for name in names if name.endswith("on_status.json")][: 2 if use_case is P2P else None]
    wire = wire_of(profile.name)
    return wire.read_contract(read(statuses[-1])["message"][wire.ORDER_KEY])


def test_there_is_a_folder_for_each_generation_and_in_it_one_for_each_use_case() -> None:
    folders = {name.rpartition("/")[0] for name in FILES}
    assert folders == {f"{profile.name}/{use_case.name}" for use_case, profile in EACH} | {"v2_rc/documented"}


@pytest.mark.parametrize(("use_case", "profile"), EACH, ids=NAMES)
async def test_the_messages_of_a_use_case_are_those_of_its_conversation(
    uow_factory: UnitOfWorkFactory,
    postgres_url: str,
    template_url: str,
    use_case: UseCase,
    profile: Profile,
) -> None:
    async with AsyncExitStack() as stack:
        databases = [
            await stack.enter_async_context(fresh_database(postgres_url, template_url))
            for _ in use_case.utilities
        ]
        utilities = [UnitOfWorkFactory(database) for database in databases]
        written = await conversation(use_case, profile, uow_factory=uow_factory, utilities=utilities)
    assert written == texts_below(f"{profile.name}/{use_case.name}")


def test_the_documented_messages_are_those_of_the_api_s_documentation() -> None:
    assert documented() == texts_below("v2_rc/documented")
    for action in ACTIONS:
        shown = CALLBACKS[action] if action in CALLBACKS else REQUESTS[action]["message"]
        assert read(f"v2_rc/documented/{action}.json")["message"] == shown


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_each_generation_shows_every_action(profile: Profile) -> None:
    names = [name for name in FILES if name.startswith(f"{profile.name}/p2p/")]
    assert {read(name)["context"]["action"] for name in names} == {
        profile.wire_names[action] for action in ACTIONS
    }


@pytest.mark.parametrize("name", FILES)
def test_a_message_is_one_of_its_generation(name: str) -> None:
    document = read(name)
    profile = PROFILES[name.partition("/")[0]]
    assert detect(document, tuple(PROFILES.values())) is profile
    assert schema_set(profile.schemas).violations(document["context"]["action"], document) == []


@pytest.mark.parametrize("name", [name for name in FILES if "/p2p/" in name or "/documented/" in name])
@pytest.mark.usefixtures("shared")
def test_the_official_schema_accepts_a_message(name: str) -> None:
    document = json.loads((MESSAGES / name).read_bytes())
    profile = PROFILES[name.partition("/")[0]]
    action = document["context"]["action"]
    assert official_message_errors(action, document, profile=profile.name) == []


@pytest.mark.parametrize(
    ("use_case", "status", "lines"),
    [
        (P2P, "PENDING", {"Energy Cost": "1.50", "Wheeling Charges": "2.50"}),
        # 2 kWh of 2.5 at 45
        (
            EV,
            "PAID",
            {
                "Energy Cost, 90.00 INR less 15.00 INR": "75.00",
                "Surge price": "20.00",
                "Service fee": "10.00",
                "Buyer finder fee (2.5 %)": "2.25",
            },
        ),
        # 20.2 kWh, of which 0.2 are paid from the buffer
        (
            EV_RESERVED,
            "PAID",
            {
                "Energy Cost, 909.00 INR less 15.00 INR": "894.00",
                "Surge price": "20.00",
                "Service fee": "10.00",
                "Buyer finder fee (2.5 %)": "22.73",
            },
        ),
        # 18.5 kWh at 18, a second less than 20 minutes at 2, and the reservation
        (
            EV_STALL,
            "PENDING",
            {"Energy Cost": "333.00", "Occupancy": "39.97", "Reservation Fee": "100.00"},
        ),
        # 8 kWh at 5.20, and what both utilities charge
        (
            INTER_UTILITY,
            "PENDING",
            {
                "Energy Cost": "41.60",
                "Wheeling Charges (West Grid)": "6.70",
                "Wheeling Charges (East Grid)": "3.20",
            },
        ),
        # 29 evenings of 40 kWh, of which 98 % arrive: 1136.8 kWh
        (
            STORAGE,
            "PAID",
            {
                "Energy Cost": "9549.12",
                "Wheeling Charges": "738.92",
                "Electricity tax (5 %, IN-DL)": "514.40",
            },
        ),
        # 270 kWh, of which 150 are in the fee
        (
            HOUSEHOLD,
            "PENDING",
            {
                "Subscription Fee": "795.00",
                "Energy Cost": "852.00",
                "Wheeling Charges": "243.00",
                "Electricity tax (5 %, IN-DL)": "94.50",
            },
        ),
        # 1.48 kWh at 16, and the fee
        (BATTERY_SWAP, "PAID", {"Energy Cost": "23.68", "Swap fee": "12.00", "GST (18 %, IN-DL)": "6.42"}),
        # 5.9 kWh at 9.50, 10.3 kWh at 12.80
        (
            VEHICLE_TO_GRID,
            "PENDING",
            {
                "Energy Cost (other hours)": "56.05",
                "Energy Cost (19:00-21:00)": "131.84",
                "Wheeling Charges": "10.53",
            },
        ),
    ],
    ids=[use_case.name for use_case in USE_CASES],
)
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_use_case_ends_in_its_bill(
    profile: Profile, use_case: UseCase, status: str, lines: dict[str, str]
) -> None:
    report = end_of(use_case, profile)
    (bill,) = report.bills
    assert bill.status == status
    assert {line.title: str(line.amount.amount) for line in bill.lines} == lines
    assert bill.total.amount == sum(map(Decimal, lines.values()))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_both_utilities_are_asked_before_the_buyer_is_answered(profile: Profile) -> None:
    names = [name for name in FILES if name.startswith(f"{profile.name}/inter-utility/")]
    told = [read(name)["context"] for name in names]
    said = [
        (context["action"], context[profile.keys.bap_id], context[profile.keys.bpp_id])
        for context in told[4:10]
    ]
    buyer, seller = "bap.bakery.example", "bpp.sunfield.example"
    utilities = ("west-grid.demo.local", "east-grid.demo.local")
    assert said[0] == ("init", buyer, seller)
    assert sorted(said[1:3]) == sorted(("init", seller, utility) for utility in utilities)
    assert sorted(said[3:5]) == sorted(("on_init", seller, utility) for utility in utilities)
    assert said[5] == ("on_init", buyer, seller)


def test_a_van_that_drives_off_owes_its_buyer() -> None:
    """Of 20 kWh 3.8 were lacking, of which 2 are let pass: 1.8 kWh at 3."""
    owed = [cycle for cycle in end_of(VEHICLE_TO_GRID, V2_RC).cycles if cycle.cycle_id.endswith("-penalty")]
    assert [str(cycle.amount.amount) for cycle in owed] == ["5.40"]


def test_a_quote_of_a_session_is_the_published_one() -> None:
    order = read("v2_rc/ev/04-on_select.json")["message"]["order"]
    assert order["beckn:orderValue"]["value"] == Decimal("143.95")
