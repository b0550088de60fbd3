"""Who gets in, and what is noted of those who do not."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, Role
from tests.builders import a_member, a_team

pytestmark = pytest.mark.django_db


def signed_in(user):
    browser = Client()
    browser.force_login(user)
    return browser


def test_a_member_whose_role_does_not_reach_is_refused_and_it_is_noted():
    viewer = a_member(a_team(), Role.VIEWER)
    assert signed_in(viewer).get("/connections/add/").status_code == 403
    entry = AuditEntry.objects.get(action="access.refused")
    assert (entry.actor, entry.subject) == (viewer, "/connections/add/")


@pytest.mark.parametrize(
    ("zone", "shown"), [("Asia/Tokyo", "JST"), ("No/Such_Zone", "UTC"), ("../../etc", "UTC")]
)
def test_times_are_told_in_the_users_zone(zone, shown):
    from tests.builders import a_connection, a_job

    team = a_team()
    job = a_job(a_connection(team))
    user = a_member(team)
    type(user).objects.update(time_zone=zone)
    page = signed_in(user).get(f"/jobs/{job.connection.slug}/{job.provider_id}/").content.decode()
    assert shown in page
