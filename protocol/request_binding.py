"""The fourth line of a signature: what a callback repeats of the request that it answers.

NFH-007 wants the base64 signature of the request. The common adapter, where it keeps its payloads,
signs the request's whole Authorization header instead. What we send is the profile's choice; what
comes in may be either.
"""

from __future__ import annotations

from protocol.profile import Binding
from protocol.signature_header import parse_header
from protocol.tolerance import LENIENT, STRICT, Tolerance


def fourth_line(authorization: str, binding: Binding) -> str | None:
    """Return what a reply signs of the request that came, and was believed, under `authorization`.

    Raises: SignatureInvalid.
    """
    match binding:
        case Binding.NONE:
            return None
        case Binding.HEADER:
            return authorization
        case Binding.SIGNATURE:  # pragma: no branch  the last of them
            return parse_header(authorization, LENIENT).signature


def possible_fourth_lines(authorization: str, tolerance: Tolerance = STRICT) -> tuple[str, str]:
    """Return both things that a peer may have signed of the request sent under `authorization`.

    Raises: SignatureInvalid.
    """
    return parse_header(authorization, tolerance).signature, authorization
