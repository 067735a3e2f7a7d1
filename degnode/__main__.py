"""The command line: `degnode` and `python -m degnode`."""

from __future__ import annotations

import sys
from typing import Final

import typer

from degnode.lazy_commands import LazyCommand, add_lazily
from kernel.errors import NodeError
from kernel.plain_text import printable

COMMANDS: Final = (
    LazyCommand(
        "demo",
        "degnode.commands.demo:demo",
        "Trade energy between real processes, from the first look to the bill, and show how.",
    ),
    LazyCommand(
        "join",
        "degnode.commands.join:join",
        "Join a network: make keys, ask its registry, answer its challenge, wait until SUBSCRIBED.",
    ),
    LazyCommand(
        "validate",
        "degnode.commands.validate:validate",
        "Say of every message whether it is valid, and of those that are not, where and why.",
    ),
    LazyCommand(
        "sign",
        "degnode.commands.sign:sign",
        "Print the Authorization header that signs FILE.",
    ),
    LazyCommand(
        "verify",
        "degnode.commands.verify:verify",
        "Explain whether a signature holds: header, digest, window, key, signature, up to what differs.",
    ),
    LazyCommand(
        "audit",
        "degnode.commands.audit:audit",
        "Show who did what to this node's keys, peers and settings, the newest first.",
    ),
    LazyCommand(
        "serve",
        "degnode.commands.serve:serve",
        "Run one role. Settings are environment variables; `degnode serve settings` lists them.",
    ),
    LazyCommand(
        "outbox",
        "degnode.commands.outbox:outbox",
        "Messages that could not be delivered.",
    ),
    LazyCommand(
        "bench",
        "degnode.commands.bench:bench",
        "Measure messages, the wire, searches, meters, settlement and the ledger, beside references.",
    ),
    LazyCommand(
        "ledger",
        "degnode.commands.ledger:ledger",
        "Who owes what to whom, by double entry; whether that is as it was written.",
    ),
    LazyCommand(
        "keys",
        "degnode.commands.keys:keys",
        "This participant's own keys: they sign its messages and open its registry's challenges.",
    ),
    LazyCommand(
        "meter",
        "degnode.commands.meter:meter",
        "Meters and their readings.",
    ),
    LazyCommand(
        "station",
        "degnode.commands.station:station",
        "Charging stations: how they stand, what they were told, what was charged.",
    ),
    LazyCommand(
        "settle",
        "degnode.commands.settle:settle",
        "Settle a local day of many contracts at once: quantities, prices, lines, and their SHA-256.",
    ),
    LazyCommand(
        "settle-again",
        "degnode.commands.settle_again:settle_contracts_again",
        "Have a seller's node settle contracts anew, by what it knows of their meters by now.",
    ),
    LazyCommand(
        "explain",
        "degnode.commands.explain:explain",
        "Explain a bill of a seller's node: readings, what other contracts left, prices, taxes, corrections.",
    ),
    LazyCommand(
        "verify-bill",
        "degnode.commands.verify_bill:verify_bill",
        "Compute a bill anew from its statement, FILE, and name every figure that differs.",
    ),
    LazyCommand(
        "settle-session",
        "degnode.commands.settle_session:settle_session",
        "Work out what a charging session comes to, from its ledger and its terms (EvChargingSession 3.0).",
    ),
    LazyCommand(
        "catalog",
        "degnode.commands.catalog:catalog",
        "What a seller has on offer.",
    ),
    LazyCommand(
        "contract",
        "degnode.commands.contract:contract",
        "What a seller changes of contracts at its running node; DEGNODE_API_KEY holds the key.",
    ),
    LazyCommand(
        "utility",
        "degnode.commands.utility:utility",
        "A utility's trades, and what it says of them, at the running node; DEGNODE_API_KEY holds the key.",
    ),
    LazyCommand(
        "ticket",
        "degnode.commands.ticket:ticket",
        "What buyers ask support about, at the running node; DEGNODE_API_KEY holds the key.",
    ),
    LazyCommand(
        "network",
        "degnode.commands.network:network",
        "How this participant stands in its network, and what it tells the registry.",
    ),
    LazyCommand(
        "api-keys",
        "degnode.commands.api_keys:api_keys",
        "API keys of apps, operators and meters.",
    ),
    LazyCommand(
        "peers",
        "degnode.commands.peers:peers",
        "Which peers may trade with this node.",
    ),
    LazyCommand(
        "simulate",
        "degnode.commands.simulate:simulate",
        "A realistic world to try things on.",
    ),
    LazyCommand(
        "registry",
        "degnode.commands.registry:registry",
        "What a registry's operator sees and decides; DEGNODE_REGISTRY_TOKEN holds the token.",
    ),
)

app = typer.Typer(
    name="degnode",
    help="A Digital Energy Grid participant: trades energy over Beckn, meters it, settles it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
add_lazily(app, COMMANDS)


def main() -> None:
    """Run the command line; an anticipated failure is one clear message and status 1."""
    try:
        app()
    except NodeError as error:
        _tell(error)
        sys.exit(1)


def _tell(error: NodeError) -> None:
    from rich.console import Console
    from rich.text import Text

    said = Text.assemble(("degnode:", "red"), " ", printable(str(error)))
    Console(stderr=True).print(said)


if __name__ == "__main__":
    main()
