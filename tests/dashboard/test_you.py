"""/team/you/: one's own name, address and time zone."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, Role, User
from alerts.addressees import addresses_of_admins
from jobs.models import Estimate
from tests.builders import a_job, a_member, a_team
from tests.dashboard.job_pages import some_snapshots

pytestmark = pytest.mark.django_db
FACTS = {"name": "Dana", "email": "dana@example.com", "time_zone": "UTC"}


@pytest.fixture
def dana(team):
    return a_member(team, email="dana@example.com", name="Dana")


@pytest.fixture
def browser(dana, client):
    client.force_login(dana)
    return client


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def save(browser, **facts):
    return browser.post("/team/you/", {**FACTS, **facts}, follow=True)


def test_a_zone_is_taken_as_iana_writes_it_and_tells_the_time(browser, dana):
    answer = save(browser, time_zone="asia/tokyo")
    dana.refresh_from_db()
    assert dana.time_zone == "Asia/Tokyo"
    assert "Times are told in Asia/Tokyo" in text(answer)


def test_an_open_page_takes_the_new_zone_with_its_next_poll(browser, lab):
    page = f"/jobs/lab/{a_job(lab).provider_id}/"
    tag = browser.get(page).headers["HX-PTag"]
    asked = {"HX-Request": "true", "HX-PTag": tag}
    assert browser.get(page, headers=asked).status_code == 304
    save(browser, time_zone="Asia/Tokyo")
    assert "JST" in text(browser.get(page, headers=asked))


def test_an_old_day_is_that_of_the_own_zone(browser, lab):
    save(browser, time_zone="Asia/Tokyo")
    evening = datetime(2025, 11, 20, 22, 0, tzinfo=UTC)
    job = a_job(lab, state="succeeded", created_at=evening, ended_at=evening)
    page = text(browser.get(f"/jobs/lab/{job.provider_id}/"))
    assert 'title="2025-11-21 07:00:00 JST">2025-11-21</time>' in page
    assert "Succeeded 2025-11-21" in page


def test_what_a_provider_announced_is_told_in_the_own_zone_like_the_rest(browser, lab):
    save(browser, time_zone="Asia/Tokyo")
    late, seen = (
        datetime(2025, 11, 20, 14, 0, tzinfo=UTC),
        datetime(2025, 11, 20, 12, 0, tzinfo=UTC),
    )
    job = a_job(lab, estimated_finish=late)
    for minutes in (20, 0):
        finish = late + timedelta(minutes=minutes)
        Estimate.objects.create(job=job, seen_at=seen, estimated_finish=finish)
    some_snapshots(job, {"finished_at": None}, {"finished_at": int(late.timestamp())})
    page = text(browser.get(f"/jobs/lab/{job.provider_id}/"))
    assert "ETA 23:00 JST, was 23:20; moved 1 time" in page
    assert "Estimated finish, JST" in page
    assert "<td>2025-11-20 23:00:00</td>" in page
    assert "2025-11-20 23:00:00 JST" in text(browser.get(f"/jobs/lab/{job.provider_id}/changes/"))


def test_what_is_told_in_utc_is_utc_for_everybody(browser, lab):
    now = timezone.now()
    lab.tallies.create(hour=now.replace(minute=0, second=0, microsecond=0), outcome="ok", number=1)
    save(browser, time_zone="Asia/Tokyo")
    assert f"{now:%H}:00 UTC: 1 answered" in text(browser.get("/connections/lab/"))


def test_an_address_is_stored_in_small_letters_and_gets_the_mail_of_admins(team, client):
    client.force_login(a_member(team, email="admin@localhost"))
    assert "No mail reaches admin@localhost." in text(client.get("/team/you/"))
    assert addresses_of_admins(team) == []
    answer = save(client, email="Lee@Example.com")
    assert "No mail reaches" not in text(answer)
    assert addresses_of_admins(team) == ["lee@example.com"]


def test_an_address_of_somebody_else_is_refused_without_a_word_about_them(browser, dana):
    other = a_member(a_team(name="Elsewhere"), email="lee@example.com", name="Lee Secret")
    answer = save(browser, email="LEE@example.com")
    assert answer.status_code == 400
    assert "This address cannot be used." in text(answer)
    assert "Elsewhere" not in text(answer)
    assert other.name not in text(answer)
    assert User.objects.get(pk=dana.pk).email == "dana@example.com"


def test_who_is_no_admin_keeps_the_address_and_changes_the_rest(team, client):
    viewer = a_member(team, Role.VIEWER, email="vera@example.com")
    client.force_login(viewer)
    answer = save(client, email="future-colleague@example.com", name="Vera")
    assert "Only admins can change their address" in text(answer)
    viewer.refresh_from_db()
    assert (viewer.email, viewer.name) == ("vera@example.com", "Vera")


@pytest.mark.parametrize(
    "facts", [{"time_zone": "Mars/Olympus"}, {"time_zone": ""}, {"email": "dana"}, {"name": "a\nb"}]
)
def test_what_cannot_be_is_refused(browser, dana, facts):
    assert save(browser, **facts).status_code == 400
    assert User.objects.filter(pk=dana.pk, **FACTS).exists()


def test_only_what_changed_is_in_the_log(browser, dana):
    save(browser)
    save(browser, name="Dana B")
    save(browser, name="Dana B", email="b@example.com")
    found = AuditEntry.objects.order_by("pk").values_list("action", "subject", "fields")
    assert list(found) == [
        ("account changed", "dana@example.com", ["name"]),
        ("account changed", "dana@example.com, now b@example.com", ["email"]),
    ]
