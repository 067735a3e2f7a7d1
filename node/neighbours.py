"""Senders that would have this node call somewhere: their address is judged before the message is kept.

The registry's entry is no proof that an address is harmless: registries take what subscribers give.
"""

from __future__ import annotations

from protocol.actions import Action, sender_side
from protocol.context import Context
from protocol.profile import Profile
from registry_client.reach import Reach, check_url


def check_neighbour(context: Context, *, action: Action, profile: Profile, reach: Reach) -> None:
    """Refuse a message whose sender wants its answer where this node does not go.

    What the host's name stands for is judged when a connection is made. Raises: DestinationRefused.
    """
    role = sender_side(action)
    check_url(context.uri_of(role), reach=reach, path=f"$.context.{profile.keys.uri_of(role)}")
