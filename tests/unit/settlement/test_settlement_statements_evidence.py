"""What was known of a meter at which instant."""

from __future__ import annotations

from datetime import timedelta

from kernel.energy import Energy
from settlement.statements.evidence import KnownReading, track_readings
from tests.support.agreements import WINDOW, readings

MONDAY, TUESDAY, WEDNESDAY = (WINDOW.end + timedelta(days=days) for days in range(3))


def test_a_revised_reading_is_known_until_the_instant_at_which_the_next_is() -> None:
    first, second = readings(["1", "2"])
    revised = (second[0], Energy(3_000))

    known = track_readings([(MONDAY, [first, second]), (TUESDAY, [first, revised])])

    assert known == (
        KnownReading(interval=first[0], energy=first[1], known_from=MONDAY),
        KnownReading(interval=second[0], energy=second[1], known_from=MONDAY, known_until=TUESDAY),
        KnownReading(interval=second[0], energy=revised[1], known_from=TUESDAY),
    )


def test_a_reading_that_is_taken_back_and_comes_again_is_known_twice() -> None:
    (only,) = readings(["1"])

    known = track_readings([(MONDAY, [only]), (TUESDAY, []), (WEDNESDAY, [only])])

    assert [(each.known_from, each.known_until) for each in known] == [
        (MONDAY, TUESDAY),
        (WEDNESDAY, None),
    ]


def test_where_nothing_was_seen_nothing_was_known() -> None:
    assert track_readings([]) == ()
