"""A participant's keychain at the start of a process; the very first start makes the first key set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from kernel.clock import Clock
from keystore.key_file import read_key_file
from keystore.key_set import FIRST_KEY_ID
from keystore.keychain import Keychain
from keystore.making import make_key_set
from keystore.ports import KeyManager
from keystore.store import add_key_set
from protocol.ed25519 import PrivateKey
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstKey:
    """What the first key set is made of.

    `key_file` holds a signing key that was in use before, and must be there; `old_key_file` is looked
    at, too, if it is there. Without either a new key is made.
    """

    key_id: str = FIRST_KEY_ID
    key_file: Path | None = None
    old_key_file: Path | None = None

    def read(self) -> PrivateKey | None:
        """Return the signing key to go on with. Raises: SigningKeyUnusable."""
        if self.key_file is not None:
            return read_key_file(self.key_file)
        if self.old_key_file is not None and self.old_key_file.exists():
            return read_key_file(self.old_key_file)
        return None


async def open_keychain(
    *,
    subscriber_id: str,
    uow_factory: UnitOfWorkFactory,
    key_manager: KeyManager,
    clock: Clock,
    first: FirstKey = FirstKey(),
    validity: timedelta = timedelta(minutes=5),
) -> Keychain:
    """Return the keys of `subscriber_id`, ready to sign for `validity` each time.

    Where it has none, the first set is made; processes that start at the same time agree on one.
    Raises: SigningKeyUnusable, NodeError as the key manager does.
    """
    keychain = Keychain(
        subscriber_id=subscriber_id,
        uow_factory=uow_factory,
        key_manager=key_manager,
        clock=clock,
        validity=validity,
    )
    await keychain.reload()
    if not keychain.sets():
        await _make_first(keychain, first)
        await keychain.reload()
    elif first.key_file is not None:
        _check_still_known(keychain, first.key_file)
    return keychain


async def _make_first(keychain: Keychain, first: FirstKey) -> None:
    signing_key, now = first.read(), keychain.clock.now()
    made = await make_key_set(
        subscriber_id=keychain.subscriber_id,
        key_id=first.key_id,
        key_manager=keychain.key_manager,
        valid_from=now,
        now=now,
        signing_key=signing_key,
    )
    async with keychain.uow_factory() as uow:
        is_ours = await add_key_set(uow, made)  # if not, another process was first
    if is_ours:
        log.info("keys.first_set", key_id=made.key_id, imported=signing_key is not None)


def _check_still_known(keychain: Keychain, key_file: Path) -> None:
    """Say it where the operator names a key that is not used, for it counts at the first start only."""
    public_key = read_key_file(key_file).public_key if key_file.exists() else None
    if public_key not in {each.signing_public_key for each in keychain.sets()}:
        log.warning(
            "keys.file_ignored",
            path=str(key_file),
            hint="keys are in the database by now: change them by `degnode keys rotate`",
        )
