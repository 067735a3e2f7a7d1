"""The command line: `degnode` and `python -m degnode`."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.text import Text

from degnode.commands.api_keys import api_keys
from degnode.commands.audit import audit
from degnode.commands.bench import bench
from degnode.commands.demo import demo
from degnode.commands.join import join
from degnode.commands.keys import keys
from degnode.commands.meter import meter
from degnode.commands.network import network
from degnode.commands.outbox import outbox
from degnode.commands.peers import peers
from degnode.commands.registry import registry
from degnode.commands.serve import serve
from degnode.commands.sign import sign
from degnode.commands.simulate import simulate
from degnode.commands.validate import validate
from degnode.commands.verify import verify
from kernel.errors import NodeError
from kernel.plain_text import printable

app = typer.Typer(
    name="degnode",
    help="A Digital Energy Grid participant: trades energy over Beckn, meters it, settles it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(join)
app.command()(validate)
app.command()(sign)
app.command()(verify)
app.add_typer(serve, name="serve")
app.add_typer(outbox, name="outbox")
app.add_typer(bench, name="bench")
app.add_typer(keys, name="keys")
app.add_typer(meter, name="meter")
app.add_typer(network, name="network")
app.add_typer(api_keys, name="api-keys")
app.add_typer(peers, name="peers")
app.add_typer(simulate, name="simulate")
app.add_typer(registry, name="registry")
app.command()(audit)


def main() -> None:
    """Run the command line; an anticipated failure is one clear message and status 1."""
    try:
        app()
    except NodeError as error:
        said = Text.assemble(("degnode:", "red"), " ", printable(str(error)))
        Console(stderr=True).print(said)
        sys.exit(1)


if __name__ == "__main__":
    main()
