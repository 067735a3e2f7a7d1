"""The domain model from and to each generation of the wire: one folder a generation.

Pure: dictionaries in, domain objects out, and back. Numbers are int or Decimal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trading.mapping import v1_1, v2_lts, v2_rc
from trading.mapping.v2_lts import publication as lts_publication
from trading.mapping.v2_rc import publication as rc_publication
from trading.mapping.wire import PublicationWire, Wire
from trading.publication import PublishingUnsupported

WIRES: Final[Mapping[str, Wire]] = {"v1_1": v1_1, "v2_rc": v2_rc, "v2_lts": v2_lts}
"""Every generation, by the name of its profile."""


def wire_of(profile: str) -> Wire:
    """Return how messages of a profile are read and written. Raises: KeyError."""
    return WIRES[profile]


PUBLICATION_WIRES: Final[Mapping[str, PublicationWire]] = {"v2_rc": rc_publication, "v2_lts": lts_publication}
"""The generations that publish, by the name of their profile."""


def publication_wire_of(profile: str) -> PublicationWire:
    """Return how publications of a profile are read and written. Raises: PublishingUnsupported."""
    if profile not in PUBLICATION_WIRES:
        raise PublishingUnsupported(
            f"{profile} has no messages that publish catalogues",
            hint=f"Speak {' or '.join(PUBLICATION_WIRES)} with the discovery service.",
        )
    return PUBLICATION_WIRES[profile]
