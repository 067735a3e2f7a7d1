"""What is wrong with a form is put into words for people, and no validator's words are left."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    HttpUrl,
    ValidationError,
    field_validator,
)

from schemas.forms.described import described
from schemas.forms.faults import Fault, faults_of


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Window(BaseModel):
    model_config = ConfigDict(extra="forbid")

    start: AwareDatetime = Field(description="When it begins.", examples=["2026-01-09T10:00:00Z"])
    end: AwareDatetime | None = None


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kwh: Annotated[Decimal, Field(gt=0, le=100, decimal_places=3, max_digits=6)] | None = None
    share: Annotated[Decimal, Field(decimal_places=0)] | None = None
    count: Annotated[int, Field(ge=1, lt=10, multiple_of=2)] | None = None
    ratio: float | None = None
    name: Annotated[str, Field(min_length=2, max_length=4, pattern=r"^[a-z]+$")] | None = None
    long_name: str | None = Field(None, alias="longName", max_length=1)
    colour: Colour | None = None
    sure: bool | None = None
    day: date | None = None
    moment: datetime | None = None
    since: datetime | None = Field(None, description="News since then.")
    lasts: timedelta | None = None
    key: UUID | None = None
    link: HttpUrl | None = None
    windows: Annotated[list[Window], Field(min_length=1, max_length=2)] | None = None
    pairs: Annotated[list[int], Field(min_length=2)] | None = None
    by_name: dict[str, Window] | None = None
    pet: Annotated[Cat | Dog, Discriminator("kind")] | None = None
    ours: str | None = None

    @field_validator("ours")
    @classmethod
    def _is_ours(cls, value: str | None) -> str | None:
        if value is not None:
            raise ValueError("It must be ours")
        return value


def fault(content: object, form: type[BaseModel] = Form, *, known: bool = True) -> Fault:
    with pytest.raises(ValidationError) as refused:
        form.model_validate(content)
    return faults_of(refused.value.errors(), form=form if known else None)[0]


@pytest.mark.parametrize(
    ("name", "value", "message", "hint"),
    [
        ("kwh", "many", '"many" is not a decimal number', 'Write a decimal number, like "12.5".'),
        ("kwh", {}, "an object stands where a decimal number must", "Write a decimal number."),
        ("kwh", float("nan"), "NaN is not a number that can be counted with", "Write a finite number."),
        ("kwh", "0", '"0" is not greater than 0', "Write a value that is greater than 0."),
        ("kwh", 101, "101 is not at most 100", "Write a value that is at most 100."),
        ("kwh", "0.0001", '"0.0001" has more than 3 decimals', "Write it with 3 at most."),
        ("share", "1.5", '"1.5" has more than no decimals', "Write a whole number."),
        ("count", 0, "0 is not at least 1", "Write a value that is at least 1."),
        ("count", 10, "10 is not less than 10", "Write a value that is less than 10."),
        ("count", 3, "3 is not a multiple of 2", "Write a value that is a multiple of 2."),
        ("count", 1.5, "1.5 is not a whole number", "Write a whole number, like 12."),
        ("ratio", "x", '"x" is not a number', "Write a number, like 12.5."),
        ("name", 7, "a number stands where text must", "Write text."),
        ("name", "", "it is empty", "Write 2 characters or more."),
        ("name", "a", "it has 1 character, and 2 are the least", "Write more."),
        ("name", "abcde", "it has more than 4 characters", "Write 4 at most."),
        ("name", "AB", "it is not written as it has to be", "It has to fit the pattern ^[a-z]+$"),
        ("longName", "ab", "it has more than 1 character", "Write 1 at most."),
        ("colour", "pink", '"pink" is not one of those that are known here', "Write red or blue."),
        ("sure", "perhaps", '"perhaps" is not true or false', "Write true or false."),
        ("day", "soon", '"soon" is not a date', "Write a date, like 2026-01-09."),
        (
            "moment",
            "soon",
            '"soon" is not a date and time',
            "Write a date and time, like 2026-01-09T10:00:00Z.",
        ),
        (
            "since",
            "-",
            '"-" is not a date and time',
            "Write a date and time, like 2026-01-09T10:00:00Z. News since then.",
        ),
        ("lasts", "long", '"long" is not a length of time', "Write a length of time, like PT15M."),
        ("key", "x", '"x" is not a UUID', "Write a UUID."),
        ("link", "x", "it is not a URL", "Write a URL, like https://example.com/path."),
        ("windows", [], "it is empty", "Give 1 entry or more, or leave it out if it is not needed."),
        ("windows", [{"start": "2026-01-09T10:00:00Z"}] * 3, "it has more than 2 entries", "Give 2 at most."),
        ("pairs", [1], "it has 1 entry, and 2 are the least", "Give more."),
        ("windows", True, "true or false stands where a list must", "Write a list."),
        ("by_name", [], "a list stands where an object must", "Write an object."),
        ("pet", {"kind": "cow"}, '"cow" is not one of those that are known here', "Write cat, dog."),
        ("pet", {}, "kind is missing", "Add it: it says which kind of thing this is."),
        ("ours", "x", "it must be ours", "Correct it."),
    ],
)
def test_a_mistake_is_told_in_plain_words_with_what_to_do(
    name: str, value: Any, message: str, hint: str
) -> None:
    found = fault({name: value})
    assert (found.steps, found.message, found.hint) == ((name,), message, hint)


def test_a_place_within_is_named_with_what_its_author_says_of_it() -> None:
    told = "Write it like 2026-01-09T10:00:00Z. When it begins."
    found = fault({"windows": [{"start": "2026-01-09T10:00:00Z"}, {}]})
    assert (found.steps, found.message, found.hint) == (("windows", 1, "start"), "start is missing", told)
    assert fault({"by_name": {"a": {"start": "soon"}}}).hint == told
    assert fault({"by_name": {"a": {"start": "soon"}}}, known=False).hint.startswith("Write a date and time")


def test_an_instant_without_an_offset_is_asked_for_one() -> None:
    found = fault({"windows": [{"start": "2026-01-09T10:00:00"}]})
    assert found.message == '"2026-01-09T10:00:00" does not say its offset from UTC'
    assert "2026-01-09T10:00:00Z" in found.hint


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("End", "Did you mean end?"),
        ("else", "Known here: start, end."),
        ("else(", "Known here: start, end."),
    ],
)
def test_an_unknown_field_is_told_with_those_that_are_known(key: str, hint: str) -> None:
    found = fault({"start": "2026-01-09T10:00:00Z", key: 1}, Window)
    assert (found.steps, found.message, found.hint) == ((key,), f"{key} is not known here", hint)


def test_without_the_form_an_unknown_field_is_still_told() -> None:
    assert fault({"a": 1}, known=False).hint == "Leave it out, or correct its spelling."


def test_what_somebody_sent_is_told_in_part_and_on_one_line() -> None:
    found = fault({"colour": "\x1b\n\ud800" + "x" * 1_000})
    assert len(found.message) < 120
    assert found.message.isprintable()
    assert len(str(fault({"x" * 1_000: 1}).steps[0])) < 100


def test_text_that_may_be_a_secret_is_not_repeated() -> None:
    for wrong in ("SECRET", "secrets"):
        assert wrong not in str(fault({"name": wrong}))


def test_what_a_form_is_not_at_all_is_told() -> None:
    assert fault([]).message == "a list stands where an object must"
    assert fault(None).steps == ()


def test_a_rule_without_words_is_told_as_the_validator_has_it() -> None:
    told = faults_of([{"type": "new_rule", "loc": ("a",), "msg": "New words.", "input": 1}])[0]
    assert (told.message, told.hint) == ("it breaks the rule new_rule: New words", "Correct it.")


def test_a_form_is_described_with_all_that_it_holds_in_its_place() -> None:
    told = described(Form)
    assert "$ref" not in str(told)
    assert "$defs" not in told
    assert told["properties"]["windows"]["anyOf"][0]["items"]["properties"]["start"]["format"] == "date-time"
