"""Why something about a trade's record is refused, in the words of the DEG ledger API."""

from __future__ import annotations

from enum import StrEnum


class RefusalCode(StrEnum):
    """The codes that the ledger API knows."""

    FIELD_NOT_ALLOWED = "SCH_FIELD_NOT_ALLOWED"
    MISSING_REQUIRED = "SCH_MISSING_REQUIRED"
    SIGNATURE_INVALID = "AUT_SIGNATURE_INVALID"
    NOT_AUTHORIZED = "AUT_NOT_AUTHORIZED"
    CONFLICT = "PRC_CONFLICT"
    NOT_FOUND = "PRC_NOT_FOUND"
    INTERNAL_ERROR = "SRV_INTERNAL_ERROR"


class Refused(ValueError):
    """A request on a trade's record cannot be granted; `field` is what it fails on, if it is one."""

    def __init__(self, code: RefusalCode, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
