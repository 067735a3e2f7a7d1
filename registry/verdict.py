"""The operator's last word on a name, as far as it still binds: pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A no to all that a name asks for, or a yes to one revision of one request that is not entered yet."""

    is_yes: bool
    request_id: UUID | None
    revision: int | None

    def lets_in(self, request_id: UUID, revision: int) -> bool:
        """Say whether this is the operator's yes to that very revision."""
        return self.is_yes and (self.request_id, self.revision) == (request_id, revision)
