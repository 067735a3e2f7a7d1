"""What callers may send: checked here, once, into something narrower."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

import simplejson
from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    TypeAdapter,
    model_validator,
)

from kernel.clock import utc
from protocol.document import is_too_deep
from protocol.keys import read_public_key, write_public_key
from protocol.signature_header import NAME_PATTERN
from protocol.x25519 import read_encryption_public_key
from registry.subscription import Subscription
from registry_client.subscriber import KEY_NAMES, SubscriberRole, SubscriberStatus

_URL: Final = TypeAdapter(HttpUrl)
_PLAIN: Final = re.compile(r"[!-~]*")  # ASCII without blanks: peers follow no URL that is spelt otherwise
_NO_NUL: Final = r"^[^\x00]+$"  # which the database does not keep
_PLACES: Final = ("city", "country")
_NOWHERE: Final = (None, "", "*")


def _http_url(text: str) -> str:
    """Return `text`, which is a plain http or https URL, without its final slash."""
    if not _PLAIN.fullmatch(text):
        raise ValueError("must be in ASCII, without blanks")
    url = _URL.validate_python(text)
    if url.username or url.password or "?" in text or "#" in text:
        raise ValueError("must hold no password, query or fragment")
    return text.rstrip("/")


def _signing_key(text: str) -> str:
    return write_public_key(read_public_key(text))


def _encryption_key(text: str) -> str:
    """Return `text` as it is: whoever sent it in DER wants it back in DER."""
    read_encryption_public_key(text)
    return text


def _keys_differ(signing: str | None, encryption: str | None) -> None:
    if signing and encryption and read_encryption_public_key(encryption).raw == read_public_key(signing).raw:
        raise ValueError("encr_public_key must be a key of its own, not the signing key again")


def _storable(location: dict[str, Any]) -> dict[str, Any]:
    """Return `location` with exact numbers; the database takes neither NaN nor NUL."""
    if is_too_deep(location):
        raise ValueError("must not be nested that deep")
    text = simplejson.dumps(location, ensure_ascii=False, allow_nan=False)
    if "\\u0000" in text or not text.isprintable():
        raise ValueError("must be plain JSON without control characters")
    stored: dict[str, Any] = simplejson.loads(text, use_decimal=True)
    return stored


SubscriberId = Annotated[str, Field(min_length=1, max_length=255, pattern=NAME_PATTERN)]
KeyId = Annotated[str, Field(min_length=1, max_length=128, pattern=NAME_PATTERN)]
Domain = Annotated[str, Field(min_length=1, max_length=255, pattern=_NO_NUL)]
Nonce = Annotated[str, Field(min_length=1, max_length=255, pattern=_NO_NUL)]
Instant = Annotated[AwareDatetime, AfterValidator(utc)]
Url = Annotated[str, Field(max_length=2048), AfterValidator(_http_url)]
Location = Annotated[dict[str, Any], AfterValidator(_storable)]
SigningKey = Annotated[str, AfterValidator(_signing_key)]
EncryptionKey = Annotated[str, AfterValidator(_encryption_key)]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=_NO_NUL)]
PlaceCode = Annotated[str, Field(max_length=64, pattern=_NO_NUL)]
NameInPath = Annotated[str, Path(max_length=255, pattern=_NO_NUL)]
NameInQuery = Annotated[str, Query(max_length=255, pattern=_NO_NUL)]
ChangeNumber = Annotated[int, Query(ge=0, le=2**63 - 1)]


class _Form(BaseModel):
    """Fields that are null or empty count as absent: some participants send every field they know."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, content: Any) -> Any:  # noqa: ANN401  whatever was sent
        if not isinstance(content, dict):
            return content
        return {name: value for name, value in content.items() if value not in (None, "")}


class SubscribeForm(_Form):
    """The particulars of one key of one subscriber."""

    subscriber_id: SubscriberId = Field(examples=["bpp.example.com"])
    key_id: KeyId = Field(validation_alias=AliasChoices(*KEY_NAMES), examples=["k1"])
    url: Url = Field(description="Where peers reach it.", examples=["https://bpp.example.com/beckn"])
    type: SubscriberRole
    domain: Domain = Field(examples=["beckn.one:deg:p2p-trading:2.0.0"])
    location: Location | None = None
    signing_public_key: SigningKey = Field(
        description="Ed25519, base64.", examples=["ONtluFKk9FfVIePk0FJjCZE1XlTdcXtcWWRjqzllVSw="]
    )
    encr_public_key: EncryptionKey | None = Field(None, description="X25519, base64, raw or in DER.")
    valid_from: Instant | None = Field(None, description="From now on, if it is left out.")
    valid_until: Instant | None = Field(None, description="Without end, if it is left out.")
    nonce: Nonce | None = Field(None, description="Counts once; a signed request must bring one.")

    @model_validator(mode="after")
    def _two_keys(self) -> Self:
        _keys_differ(self.signing_public_key, self.encr_public_key)
        return self

    def to_subscription(self, *, earlier: Subscription | None, now: datetime) -> Subscription:
        """Return the subscription that this form asks for.

        A start that is left out is that of the `earlier` one, so that a repeat changes nothing.
        """
        return Subscription(
            subscriber_id=self.subscriber_id,
            key_id=self.key_id,
            url=self.url,
            type=self.type,
            domain=self.domain,
            location=self.location,
            signing_public_key=self.signing_public_key,
            encr_public_key=self.encr_public_key,
            valid_from=self.valid_from or (earlier.valid_from if earlier else now),
            valid_until=self.valid_until,
            status=SubscriberStatus.SUBSCRIBED,
            created_at=earlier.created_at if earlier else now,
            updated_at=now,
        )


class ChangeForm(_Form):
    """What is to change of a subscriber, or of one key of it if `key_id` names one."""

    subscriber_id: SubscriberId = Field(examples=["bpp.example.com"])
    nonce: Nonce = Field(description="Counts once.")
    key_id: KeyId | None = Field(None, validation_alias=AliasChoices(*KEY_NAMES), examples=["k2"])
    url: Url | None = None
    type: SubscriberRole | None = None
    domain: Domain | None = None
    location: Location | None = None
    signing_public_key: SigningKey | None = Field(None, description="Of a key that is to be added.")
    encr_public_key: EncryptionKey | None = None
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    status: Literal[SubscriberStatus.UNSUBSCRIBED] | None = Field(
        None, description="Ends the key at once; without a key_id, all of them: the subscriber leaves."
    )
    reason: Reason | None = Field(None, description="Why, for the history.")

    @model_validator(mode="after")
    def _two_keys(self) -> Self:
        _keys_differ(self.signing_public_key, self.encr_public_key)
        return self


class LookupForm(_Form):
    """What the subscriptions looked for have in common; nothing given finds them all.

    Who gave no city or country when it subscribed serves every one.
    """

    subscriber_id: SubscriberId | None = Field(None, examples=["bpp.example.com"])
    key_id: KeyId | None = Field(None, validation_alias=AliasChoices(*KEY_NAMES), examples=["k1"])
    type: SubscriberRole | None = None
    domain: Domain | None = None
    status: SubscriberStatus | None = None
    city: PlaceCode | None = Field(None, examples=["std:080"])
    country: PlaceCode | None = Field(None, examples=["IND"])

    @model_validator(mode="before")
    @classmethod
    def _read_location(cls, content: Any) -> Any:  # noqa: ANN401  whatever was sent
        """Take the codes out of a `location`, which is how a context has them."""
        location = content.get("location") if isinstance(content, dict) else None
        if not isinstance(location, dict):
            return content
        codes = {name: place.get("code") for name in _PLACES if isinstance(place := location.get(name), dict)}
        return {name: code for name, code in codes.items() if code not in _NOWHERE} | content


class DecisionForm(_Form):
    """Why the operator decides as it does, and about which of a subscriber's requests or keys."""

    reason: Reason
    key_id: KeyId | None = Field(None, validation_alias=AliasChoices(*KEY_NAMES))
    request_id: UUID | None = Field(None, description="Which request is meant; an approval must say so.")
    revision: int | None = Field(
        None,
        ge=1,
        le=2**31 - 1,
        description="As it was listed with the request: what has changed since is not decided unseen. "
        "An approval of a request must give it.",
    )
