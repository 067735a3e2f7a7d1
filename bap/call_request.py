"""What an app sends to have a message written: the peer, the transaction, and the message itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    ValidationError,
    model_validator,
)

from kernel.errors import NodeError
from protocol.profile import PROFILES
from protocol.signature_header import NAME_PATTERN
from registry_client.subscriber import Place
from schemas.forms.faults import faults_of
from schemas.violation import Violation, json_path


def _bare(url: HttpUrl) -> HttpUrl:
    """Return `url`, which paths can be put behind and which tells no secret when it is shown."""
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("must hold no password, query or fragment")
    return url


PlaceCode = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]+$")]


class Location(BaseModel):
    """Where sellers are looked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    country: PlaceCode | None = Field(None, description="The country's code.", examples=["IND"])
    city: PlaceCode | None = Field(None, description="The city's code.", examples=["std:080"])

    def to_wire(self) -> dict[str, dict[str, str]]:
        """Return it as a context has it."""
        return Place(country=self.country, city=self.city).to_wire()


class CallRequest(BaseModel):
    """A request to a seller's platform; the node writes the context and signs it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bpp_id: str | None = Field(
        None,
        max_length=255,
        pattern=NAME_PATTERN,
        description="The seller's platform, or a discovery service, by its name in the registry. Only a "
        "discover may leave it out: it goes to the discovery service that the node is set to, else, on the "
        "wire v1_1, through the network's gateway to all sellers, and each answers.",
    )
    bpp_uri: Annotated[HttpUrl, AfterValidator(_bare)] | None = Field(
        None, description="Where that platform takes requests; looked up in the registry if left out."
    )
    transaction_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,64}$")] | None = Field(
        None,
        description="The transaction that this goes on with; a new one begins if it is left out. "
        "Some peers take UUIDs only.",
    )
    wire: Annotated[str, Field(pattern=f"^({'|'.join(PROFILES)})$")] | None = Field(
        None,
        description="The generation that the message is written in; if it is left out, the message's own "
        "keys tell, and where they do not, what the peer speaks.",
    )
    location: Location | None = Field(
        None, description="Of a discover without bpp_id: only sellers who serve there are asked."
    )
    message: dict[str, Any] = Field(description="The message of the action, in the wire's own shape.")

    @model_validator(mode="after")
    def _looks_for_nobody_known(self) -> Self:
        if self.location is not None and self.bpp_id is not None:
            raise ValueError("location is for a discover that names no bpp_id")
        return self


class MessageRefused(NodeError):
    """The message was not sent, because it breaks the rules of its action."""

    code, http_status, retryable = "SCH_SCHEMA_VALIDATION_FAILED", 422, False

    def __init__(self, violations: Sequence[Violation]) -> None:
        first = violations[0]
        more = f"; {len(violations) - 1} more" if len(violations) > 1 else ""
        super().__init__(
            f"not sent: {first.message} (rule {first.rule}{more})", path=first.path, hint=first.hint
        )
        self.violations = tuple(violations)


_KEYWORDS: Final = {
    "missing": "required",
    "extra_forbidden": "additionalProperties",
    "string_pattern_mismatch": "pattern",
    "string_too_short": "minLength",
    "string_too_long": "maxLength",
    "value_error": "not",
}


def parse_call_request(document: object) -> CallRequest:
    """Return the request that `document` is; its numbers stay exact.

    Raises: MessageRefused.
    """
    try:
        return CallRequest.model_validate(document)
    except ValidationError as error:
        raise MessageRefused(
            [
                Violation(json_path(fault.steps), _keyword(fault.rule), fault.message, fault.hint)
                for fault in faults_of(error.errors(), form=CallRequest)
            ]
        ) from error


def _keyword(rule: str) -> str:
    """Return the validator's rule as the keyword of JSON Schema that it comes from."""
    return "type" if rule.endswith("_type") else _KEYWORDS.get(rule, "format")
