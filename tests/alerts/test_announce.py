import pytest

from alerts import outbox, setup
from alerts.announcing import announce_some
from alerts.models import Delivery, Rule
from alerts.outbox import announce, deliver
from jobs.failpoints import FailpointReached
from jobs.models import Transition
from providers.states import State
from tests.alerts.house import LONG_AGO, House, the_delivery
from tests.alerts.together import run_at_once
from tests.builders import a_transition


def quiet(house: House, health: str, before: str = "ok") -> Transition:
    facts = {"kind": "health", "from_state": before, "to_state": health, "rings": True}
    return Transition.objects.create(connection=house.connection, reason="401", **facts)


def test_an_end_becomes_one_delivery_for_each_channel(house, receiver):
    house.hook(receiver)
    house.hook(receiver)
    transition = house.ends()

    assert announce() == 2
    assert Delivery.objects.filter(transition=transition, state="pending").count() == 2


def test_an_announced_transition_is_not_announced_again(house, receiver):
    house.hook(receiver)
    transition = house.ends()
    announce()

    assert announce() == 0
    transition.refresh_from_db()
    assert transition.announced_at is not None


def test_history_rings_nobody_but_counts_as_announced(house, receiver):
    house.hook(receiver)
    transition = house.ends()
    Transition.objects.update(rings=False)

    assert announce() == 0
    transition.refresh_from_db()
    assert transition.announced_at is not None


def test_a_rule_made_after_the_end_gets_nothing(house, receiver):
    house.hook(receiver)
    house.ends()
    Transition.objects.update(recorded_at=LONG_AGO.replace(year=2019))

    assert announce() == 0


def test_a_rule_that_is_off_gets_nothing(house, receiver):
    house.hook(receiver)
    setup.set_rule_enabled(house.rule(), False)
    house.ends()

    assert announce() == 0


def test_a_channel_that_is_off_gets_nothing(house, receiver):
    setup.set_enabled(house.hook(receiver), False)
    house.ends()

    assert announce() == 0


def test_another_team_hears_nothing(house, receiver):
    House().hook(receiver)
    house.ends()

    assert announce() == 0


def test_a_rule_of_one_connection_ignores_the_others(house, receiver):
    house.hook(receiver)
    Rule.objects.get().connections.add(House().connection)
    house.ends()

    assert announce() == 0


def test_the_message_holds_the_facts_of_the_event(house, receiver):
    house.hook(receiver)
    transition = house.ends(error_message="Line 3 is bad", suffix="bot")
    announce()

    stored = the_delivery().message
    assert stored["type"] == "job.failed"
    assert stored["url"].endswith(f"/jobs/prod-eu/{transition.job.provider_id}/")
    assert stored["reason"] == "Line 3 is bad"


@pytest.mark.parametrize(
    ("before", "health", "kind"),
    [("ok", "rejected", "connection.rejected"), ("rejected", "ok", "connection.recovered")],
)
def test_the_health_of_a_connection_rings_for_rules_that_name_it(
    house, receiver, before, health, kind
):
    house.hook(receiver)
    Rule.objects.update(states=["rejected", "recovered"])
    quiet(house, health, before)
    announce()

    assert the_delivery().message["type"] == kind


def test_a_job_gone_missing_rings_as_missing(house, receiver):
    house.hook(receiver)
    Rule.objects.update(states=["missing"])
    transition = house.ends(state=State.RUNNING)
    Transition.objects.filter(pk=transition.pk).update(kind="missing", to_state="missing")
    announce()

    assert the_delivery().message["type"] == "job.missing"


def test_two_transitions_of_one_job_are_announced_in_order(house, receiver):
    house.hook(receiver)
    first = house.ends()
    second = a_transition(first.job, to_state="succeeded")
    announce()

    in_order = list(Delivery.objects.order_by("id").values_list("transition", flat=True))
    assert in_order == [first.pk, second.pk]


def test_more_than_one_batch_is_announced(house, receiver, monkeypatch):
    monkeypatch.setattr("alerts.announcing.BATCH", 2)
    house.hook(receiver)
    for _ in range(5):
        house.ends()

    assert announce() == 5


def test_a_transition_whose_facts_cannot_be_read_still_rings(house, receiver):
    house.hook(receiver)
    transition = house.ends()
    type(transition.job).objects.update(trained_tokens=5, step=float("1e300"), method="x" * 40)
    Transition.objects.update(reason="\u202e" * 50)

    assert announce() == 1


def test_dying_inside_announce_leaves_nothing_half_written(house, receiver, monkeypatch):
    house.hook(receiver)
    house.ends()
    monkeypatch.setenv("FAILPOINT", "announce.mid:raise")
    with pytest.raises(FailpointReached):
        announce()

    assert not Delivery.objects.exists()
    monkeypatch.delenv("FAILPOINT")
    assert announce() == 1


def test_announcing_at_once_makes_each_delivery_once(open_house, receiver):
    open_house.hook(receiver)
    ended = [open_house.ends() for _ in range(20)]

    run_at_once(outbox.announce_all, 4)

    assert Delivery.objects.count() == len(ended)
    assert not Transition.objects.filter(announced_at=None).exists()


def test_a_flood_is_sent_while_the_rest_of_it_is_still_announced(house, receiver, monkeypatch):
    monkeypatch.setattr("alerts.announcing.BATCH", 2)
    monkeypatch.setattr("alerts.announcing.MOST_AT_ONCE", 2)
    house.hook(receiver)
    for _ in range(7):
        house.ends()

    assert announce_some()
    assert Delivery.objects.count() == 2
    assert deliver().sent == 7
    assert not Transition.objects.filter(announced_at=None).exists()
