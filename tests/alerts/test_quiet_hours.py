"""Quiet hours on the clocks of one place: over midnight, and on the days that have 23 or 25 hours."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alerts.quiet_hours import QuietHours, spelled, zone_names

NIGHT = QuietHours(time(22), time(7), "Europe/Berlin")  # UTC+1 in winter, UTC+2 in summer
LONGEST = timedelta(hours=25)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
INSTANTS = st.integers(0, 30 * 366 * 86_400_000).map(
    lambda thousandth: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(milliseconds=thousandth)
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-22 20:59", None),  # 21:59 in Berlin
        ("2026-11-22 21:00", "2026-11-23 06:00"),  # 22:00, until 07:00
        ("2026-11-23 03:00", "2026-11-23 06:00"),
        ("2026-11-23 06:00", None),
        ("2026-03-28 22:00", "2026-03-29 05:00"),  # a night of 8 hours
        ("2026-10-24 22:00", "2026-10-25 06:00"),  # a night of 10 hours
    ],
)
def test_a_night_lasts_from_evening_to_morning_on_local_clocks(now, until):
    assert NIGHT.until(utc(now)) == (until and utc(until))


def test_quiet_hours_within_a_day():
    lunch = QuietHours(time(12), time(13), "UTC")
    assert lunch.until(utc("2026-11-22 12:30")) == utc("2026-11-22 13:00")
    assert lunch.until(utc("2026-11-22 23:30")) is None


def test_an_hour_that_is_there_twice_does_not_put_to_sleep_again():
    early = QuietHours(time(22), time(2, 30), "Europe/Berlin")
    assert early.until(utc("2026-10-25 00:15")) == utc("2026-10-25 00:30")
    assert early.until(utc("2026-10-25 01:15")) is None  # 02:15 for the second time


def test_a_morning_that_the_clocks_leave_out_still_comes():
    early = QuietHours(time(22), time(2, 30), "Europe/Berlin")
    assert early.until(utc("2026-03-29 00:59")) == utc("2026-03-29 01:30")  # 03:30 in summer


def test_equal_times_are_no_quiet_hours():
    assert QuietHours(time(7), time(7)).until(utc("2026-11-22 07:00")) is None


@pytest.mark.parametrize("zone", ["Mars/Base", "", "../etc/passwd", "America", "\x00", "x" * 300])
def test_a_zone_that_is_not_known_holds_nothing(zone):
    assert QuietHours(time(22), time(21), zone).until(utc("2026-11-22 03:00")) is None
    assert spelled(zone) is None


@given(INSTANTS, st.times(), st.times(), st.sampled_from(ZONES))
@example(utc("2026-03-29 00:40"), time(2, 30), time(2, 15), "Europe/Berlin")
@example(utc("2026-03-29 01:00"), time(3, 10), time(2, 15), "Europe/Berlin")
@example(utc("2026-10-25 01:10"), time(2, 30), time(2, 15), "Europe/Berlin")
def test_what_is_held_is_free_within_a_day_and_then_is_not_held_again(now, begins, ends, zone):
    quiet = QuietHours(begins, ends, zone)
    until = quiet.until(now)
    if until is not None:
        assert now < until <= now + LONGEST
        assert quiet.until(until) is None


@given(INSTANTS, st.times(), st.times())
def test_either_the_hours_or_their_complement_are_quiet(now, begins, ends):
    if begins != ends:
        hours, rest = QuietHours(begins, ends), QuietHours(ends, begins)
        assert (hours.until(now) is None) != (rest.until(now) is None)


@pytest.mark.parametrize("typed", ["europe/berlin", " Europe/Berlin ", "EUROPE/BERLIN"])
def test_a_zone_is_found_however_it_is_typed(typed):
    assert spelled(typed) == "Europe/Berlin"


def test_zones_are_offered_by_their_names():
    assert zone_names()[0] == "UTC"
    assert {"America/New_York", "Asia/Kathmandu", "Europe/Berlin"} <= set(zone_names())
