"""Asking a registry to take a participant in, and waiting until it has, told step by step."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from degnode.join.checklist import Checklist
from kernel.errors import NodeError
from node.announcement import Announced, Announcer
from node.challenge_desk import Challenged
from registry_client.standing import Standing
from registry_client.subscriber import SubscriberStatus

_LOOK_AGAIN: Final = 0.5  # s


class NotTakenIn(NodeError):
    """The registry has looked at the request and does not take the participant in."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 403, False


class NotYetIn(NodeError):
    """The registry had not decided when the time was over."""

    code, http_status, retryable = "NET_TIMEOUT", 504, True


class ApprovalAwaited(NodeError):
    """Everything is proven; the registry's operator has the last word and has not spoken yet."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 409, True


@dataclass(slots=True, kw_only=True)
class Subscription:
    """One participant's request to be taken in, and what is told of it on the way."""

    announcer: Announcer
    checklist: Checklist
    wait: timedelta
    by_node: bool = False  # whether the participant's own process answers the registry
    _told: set[str] = field(default_factory=set, init=False)
    _early: list[str] = field(default_factory=list, init=False)
    _is_asked: bool = field(default=False, init=False)

    def note_challenge(self, challenged: Challenged) -> None:
        """Tell that a challenge was answered from here; called by whoever answers it."""
        whose = "the registry's signature holds" if challenged.was_signed else "unsigned"
        text = f"decrypted with {challenged.key_id} and answered ({whose})"
        if self._is_asked:
            self._once("challenge", text)
        else:  # it may come before the answer to what was asked has been read
            self._early.append(text)

    async def run(self) -> None:
        """Ask, and return when peers find every key.

        Raises: SubscriptionRefused, RegistryUnavailable, NoKnownKey, NotTakenIn, NotYetIn, ApprovalAwaited.
        """
        announced = await self.announcer.announce(every=True, insist=True)
        self._tell_asked(announced)
        self._is_asked = True
        for text in self._early:
            self._once("challenge", text)
        deadline = asyncio.get_running_loop().time() + self.wait.total_seconds()
        with self.checklist.waiting("waiting for the registry …"):
            while not all(each.is_known for each in announced):
                standing = await self._standing(announced)
                if asyncio.get_running_loop().time() > deadline:
                    raise self._too_late(standing)
                await asyncio.sleep(_LOOK_AGAIN)
                announced = await self.announcer.announce(every=True)
        self._tell_in()

    def _tell_asked(self, announced: list[Announced]) -> None:
        names = ", ".join(each.key_id for each in announced)
        if all(each.is_known for each in announced):
            self._once("request", f"none is needed: the registry has {names} as it is" if names else "none")
            return
        for each in announced:
            if not each.is_known:
                status = each.status.value if each.status else "not asked yet, it is the turn of another key"
                self._once("request", f"{each.key_id} sent, signed; the registry says {status}")

    def _tell_in(self) -> None:
        keychain = self.announcer.keychain
        signer = keychain.at(self.announcer.clock.now())
        self._once("subscribed", f"peers find {signer.subscriber_id} with its key {signer.key_id}")

    async def _standing(self, announced: list[Announced]) -> Standing | None:
        """Tell what is new about the keys that are under way, and return how the last of them stands.

        Raises: NotTakenIn.
        """
        waiting = {each.key_id for each in announced if not each.is_known}
        standing = None
        for each in self.announcer.keychain.sets():
            if each.key_id not in waiting:
                continue
            standing = await self.announcer.registrar.standing(
                each.subscriber_id, key_id=each.key_id, key=each.signing_public_key
            )
            if standing is not None:
                self._tell_standing(standing)
        return standing

    def _tell_standing(self, standing: Standing) -> None:
        if standing.is_over and standing.status is not SubscriberStatus.SUBSCRIBED:
            raise NotTakenIn(
                f"{standing.status or 'refused'}: {standing.reason or 'the registry gives no reason'}",
                hint=standing.hint or "Ask the registry's operator.",
            )
        if standing.awaits_approval:
            self._note("approval", "all is proven; the registry's operator must approve it now")
        elif standing.reason is not None:
            hint = f" {standing.hint}" if standing.hint else ""
            self._note("challenge", f"the registry says: {standing.reason}; it tries again.{hint}")

    def _too_late(self, standing: Standing | None) -> NodeError:
        seconds = f"{self.wait.total_seconds():.0f} s"
        if standing is not None and standing.awaits_approval:
            return ApprovalAwaited(
                "the registry's operator has not approved it yet",
                hint="Ask the operator. The rest comes by itself: start the node, or run this again later.",
            )
        reason = standing.reason if standing is not None else None
        return NotYetIn(
            f"not SUBSCRIBED after {seconds}: {reason or 'the registry gives no reason'}",
            hint=(standing.hint if standing is not None else None)
            or "See that the registry can reach --url; then run this again, it goes on from here.",
        )

    def _once(self, name: str, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.checklist.done(name, text)

    def _note(self, name: str, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.checklist.note(name, text)
