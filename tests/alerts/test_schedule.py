import pytest

from alerts.schedule import SCHEDULE_S, Refusal, after_failure, delay_before

PLAIN = Refusal()


@pytest.mark.parametrize(
    ("failures", "delay_s"),
    [(1, 5), (2, 30), (3, 300), (4, 1800), (5, 7200), (6, 18000), (7, 36000), (8, 36000)],
)
def test_the_published_delays_follow_each_failure(failures, delay_s):
    assert after_failure(PLAIN, failures, 1).delay_s == delay_s


def test_the_ninth_failure_gives_up():
    assert after_failure(PLAIN, 9, 9).delay_s is None


def test_the_whole_schedule_takes_27_6_hours():
    assert sum(SCHEDULE_S) / 3600 == pytest.approx(27.6, abs=0.1)


@pytest.mark.parametrize(("jitter", "delay_s"), [(-1, 24), (0, 30), (1, 36)])
def test_jitter_is_a_fifth_each_way(jitter, delay_s):
    assert after_failure(PLAIN, 2, 1, jitter).delay_s == pytest.approx(delay_s)


@pytest.mark.parametrize(("asked_s", "delay_s"), [(1, 30), (45, 45), (3600, 60), (None, 30)])
def test_retry_after_counts_between_the_delay_and_twice_the_delay(asked_s, delay_s):
    assert after_failure(Refusal(retry_after=asked_s), 2, 2).delay_s == delay_s


def test_gone_gives_up_and_switches_the_channel_off():
    follows = after_failure(Refusal(is_gone=True), 1, 1)

    assert follows.delay_s is None
    assert follows.disables_channel


def test_a_permanent_refusal_gives_up_only_the_message():
    follows = after_failure(Refusal(is_permanent=True), 1, 1)

    assert follows.delay_s is None
    assert not follows.disables_channel


def test_a_channel_is_tried_again_within_five_minutes():
    assert after_failure(PLAIN, 1, 40).channel_wait_s == 300


def test_a_channel_waits_no_longer_than_its_only_delivery():
    waits = [after_failure(PLAIN, count, count, jitter=0.5) for count in range(1, 9)]

    assert all(follows.channel_wait_s <= follows.delay_s for follows in waits)


def test_the_first_attempt_is_at_once():
    assert delay_before(1) == 0
