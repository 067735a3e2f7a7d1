"""The libraries that the simulated world stands on; a node does without them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from kernel.errors import NodeError

LIBRARIES: Final = ("pvlib", "demandlib")


class SimulationNotInstalled(NodeError):
    """What simulates the sun and the load is not installed."""

    code, http_status, retryable = "SIMULATION_NOT_INSTALLED", 500, False


def demand_libraries() -> None:
    """Check that the libraries can be imported.

    Raises: SimulationNotInstalled.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise SimulationNotInstalled(
            f"the simulated world needs {' and '.join(missing)}",
            hint="Install the extra: pip install 'degnode[simulation]'.",
        )
