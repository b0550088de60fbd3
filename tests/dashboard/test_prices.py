"""/costs/prices/: who may set what, what is refused, and what follows."""

from datetime import date
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Role
from dashboard.queries.prices import anchor
from jobs import repricing
from jobs.models import Job, Price
from jobs.price_table import SHIPPED
from tests.builders import NOON, a_connection, a_job, a_member

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PRICES = "/costs/prices/"
MINI = "gpt-4o-mini-2024-07-18"
GOOD = {
    "dialect": "openai",
    "base_model": "gpt-4o-mini",
    "method": "supervised",
    "usd": "2.5",
    "unit": "tokens",
    "valid_from": "2025-01-01",
    "source": "contract 7, page 3",
}


@pytest.fixture
def lab():
    return a_connection(slug="lab")


def as_role(lab, role: Role) -> Client:
    client = Client()
    client.force_login(a_member(lab.team, role))
    return client


@pytest.fixture
def editor(lab):
    return as_role(lab, Role.EDITOR)


def text(answer) -> str:
    return " ".join(answer.content.decode().replace("\u2009", " ").split())


def add(client, **facts):
    return client.post(f"{PRICES}add/", {**GOOD, **facts})


def an_old_job(lab) -> Job:
    return a_job(lab, state="succeeded", trained_tokens=2_000_000, ended_at=NOON, base_model=MINI)


def test_an_added_price_is_listed_noted_and_followed(editor, lab):
    job = an_old_job(lab)
    version = lab.team.version
    page = text(editor.post(f"{PRICES}add/", GOOD, follow=True))
    for shown in (
        "The price is added. The estimates follow it.",
        "$2.50 per 1 M tokens",
        "contract 7",
    ):
        assert shown in page
    job.refresh_from_db(), lab.team.refresh_from_db()
    assert (job.cost_usd, job.version) == (5, 1)  # 2 M × $2.50
    assert lab.team.version > version
    entry = AuditEntry.objects.get(action="price added")
    assert "gpt-4o-mini: 2.5" in entry.subject


def test_to_change_a_price_is_to_date_a_new_one(editor, lab):
    job = an_old_job(lab)
    add(editor)
    add(editor, usd="4", valid_from="2025-06-01")
    job.refresh_from_db()
    assert (job.cost_usd, Price.objects.count()) == (8, 2)
    add(editor, usd="9", valid_from=timezone.now().date().isoformat())  # after its end
    job.refresh_from_db()
    assert job.cost_usd == 8


def test_the_form_is_filled_with_the_price_that_is_to_change(editor):
    add(editor)
    [line] = editor.get(PRICES).context["page"].own
    page = text(editor.get(line.anew_url.partition("#")[0]))
    assert 'value="gpt-4o-mini"' in page
    assert '<option value="openai" selected>' in page
    assert f'value="{timezone.now():%Y-%m-%d}"' in page


def test_a_removed_price_is_noted_and_gives_way(editor, lab):
    job = an_old_job(lab)
    add(editor)
    price = Price.objects.get()
    page = text(editor.post(f"{PRICES}{price.pk}/remove/", follow=True))
    job.refresh_from_db()
    assert "The price is removed." in page
    assert (job.cost_usd, Price.objects.count()) == (6, 0)  # the shipped one, 2 M × $3
    assert AuditEntry.objects.filter(action="price removed").exists()


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"usd": "-1"}, "usd"),
        ({"usd": "1000001"}, "usd"),
        ({"usd": "0.00001"}, "usd"),
        ({"usd": "NaN"}, "usd"),
        ({"usd": "Infinity"}, "usd"),
        ({"usd": "1e400"}, "usd"),
        ({"usd": "three"}, "usd"),
        ({"usd": ""}, "usd"),
        ({"valid_from": "2026-02-31"}, "valid_from"),
        ({"valid_from": "0001-01-01"}, "valid_from"),
        ({"valid_from": "9999-12-31"}, "valid_from"),
        ({"valid_from": ""}, "valid_from"),
        ({"source": ""}, "source"),
        ({"source": "  "}, "source"),
        ({"source": "x" * 301}, "source"),
        ({"source": "two\nlines"}, "source"),
        ({"base_model": ""}, "base_model"),
        ({"base_model": "x" * 201}, "base_model"),
        ({"base_model": "gpt\x00"}, "base_model"),
        ({"base_model": "g*t"}, "base_model"),
        ({"dialect": "nobody"}, "dialect"),
        ({"method": "magic"}, "method"),
        ({"unit": "year"}, "unit"),
    ],
)
def test_what_makes_no_price_is_refused_beside_its_field_and_nothing_is_lost(editor, facts, field):
    answer = add(editor, **facts)
    assert (answer.status_code, Price.objects.count()) == (400, 0)
    assert list(answer.context["form"].errors) == [field]
    page = text(answer)
    assert f'id="id_{field}_error"' in page
    kept = "contract 7, page 3" if field != "source" else 'value="gpt-4o-mini"'
    assert kept in page


def test_a_second_price_of_the_same_day_is_refused(editor):
    add(editor)
    answer = add(editor, usd="9")
    assert answer.status_code == 400
    assert "There is a price of that day" in answer.context["form"].errors["valid_from"][0]
    assert Price.objects.get().usd == Decimal("2.5")


@pytest.mark.parametrize("name", ["meta-llama/Llama-3.1-8B", "*", "my model <b>", "ü" * 200, "-rf"])
def test_any_model_name_and_a_price_of_nothing_are_taken(editor, lab, name):
    job = a_job(lab, state="succeeded", base_model=name.removesuffix("*") or "x", ended_at=NOON)
    add(editor, base_model=name, usd="0", dialect="", method="")
    job.refresh_from_db()
    assert (Price.objects.get().base_model, job.cost_usd) == (name, 0)
    assert "<b>" not in text(editor.get(PRICES)).replace("<b>1", "")


def test_an_hourly_price_is_by_the_time_in_training(editor):
    add(editor, unit="hour", usd="1.20")
    assert "$1.20 per hour" in text(editor.get(PRICES))


def test_shipped_prices_are_shown_with_their_sources_and_cannot_be_removed(editor):
    page = text(editor.get(PRICES))
    for row in SHIPPED:
        assert row.words in page
        assert f'href="{row.url}"' in page
        assert f'id="{anchor(row)}"' in page
    assert len({anchor(row) for row in SHIPPED}) == len(SHIPPED)
    assert f"{PRICES}None" not in page


def test_viewers_read_and_see_no_dead_button(lab):
    Price.objects.create(
        team=lab.team, base_model="x", usd=1, valid_from=date(2025, 1, 1), source="s"
    )
    page = text(as_role(lab, Role.VIEWER).get(PRICES))
    assert "$1.00 per 1 M tokens" in page
    for hidden in ("Add a price", "Set own price", "Remove"):
        assert hidden not in page


def test_others_prices_are_neither_listed_nor_removed_nor_used(editor, lab):
    theirs = a_connection()
    price = Price.objects.create(
        team=theirs.team, base_model="secret-model", usd=1, valid_from=date(2025, 1, 1), source="s"
    )
    assert "secret-model" not in text(editor.get(PRICES))
    assert editor.post(f"{PRICES}{price.pk}/remove/").status_code == 404
    job = a_job(lab, state="succeeded", base_model="secret-model", trained_tokens=5, ended_at=NOON)
    repricing.reprice_due()
    job.refresh_from_db()
    assert job.cost_usd is None


@pytest.mark.parametrize("key", [0, 10**18, 10**30])
def test_a_price_nobody_has_is_not_found(editor, key):
    assert editor.post(f"{PRICES}{key}/remove/").status_code == 404


@pytest.mark.parametrize("value", ["x" * 5000, "<script>", "\u202e", "nobody"])
def test_whatever_an_address_fills_in_is_only_text(editor, value):
    asked = urlencode(
        dict.fromkeys(("dialect", "base_model", "method", "unit", "usd", "source"), value)
    )
    answer = editor.get(f"{PRICES}?{asked}")
    assert answer.status_code == 200
    assert "<script>" not in text(answer)


def test_where_there_is_more_than_a_request_can_do_the_workers_go_on(editor, lab, monkeypatch):
    an_old_job(lab)
    monkeypatch.setattr(repricing, "NOW_S", -1.0)
    page = text(editor.post(f"{PRICES}add/", GOOD, follow=True))
    assert "The estimates follow it within minutes." in page
    assert "0 of 1 job done" in page
    assert repricing.reprice_due() == 1
    assert Job.objects.get().cost_usd == 5
