import pytest

from providers.wire import Invalid, Point, read_checkpoint, read_event, read_file
from tests.providers.wire_json import a_checkpoint, an_event


def test_a_metrics_event_gives_points():
    event = read_event(an_event())
    assert (event.id, event.level, event.type) == ("ftevent-1", "info", "metrics")
    assert (event.step, event.total_steps) == (10.0, 99)
    assert event.points == (Point("train_loss", 10.0, 0.11),)


def test_only_finite_numbers_become_points():
    data = {
        "step": "20",
        "train_mean_reward": -1,
        "train_loss": -1,
        "train_mean_token_accuracy": 0.5,
        "flag": True,
        "text": "0.4",
        "nothing": None,
        "nan": float("nan"),
        "big": float("inf"),
        "usage": {"graders": [{"name": "g", "tokens": 5, "type": "python", "ok": True}]},
    }
    points = read_event(an_event(data=data)).points
    assert points == (
        Point("train_mean_reward", 20.0, -1.0),
        Point("train_accuracy", 20.0, 0.5),
        Point("usage/graders/g/tokens", 20.0, 5.0),
    )


@pytest.mark.parametrize("step", [None, "ten", -1, True, [], float("inf"), 1e300])
def test_without_a_step_there_are_no_points(step):
    event = read_event(an_event(data={"step": step, "train_loss": 0.1}))
    assert (event.step, event.points) == (None, ())


@pytest.mark.parametrize("data", [None, {}, [], "x", 5])
def test_data_may_be_missing_in_every_way(data):
    event = read_event(an_event(data=data, type="message"))
    assert (event.data, event.step, event.points) == (None, None, ())


@pytest.mark.parametrize(
    ("raw_level", "level"),
    [
        ("info", "info"),
        ("warning", "warn"),
        ("WARN", "warn"),
        ("error", "error"),
        ("debug", "info"),
        (None, "info"),
        (5, "info"),
    ],
)
def test_a_level_is_one_of_three(raw_level, level):
    event = read_event(an_event(level=raw_level))
    assert event.level == level
    assert event.raw_level == (raw_level if isinstance(raw_level, str) else "")


def test_an_event_without_an_id_gets_a_lasting_one():
    first, again = (read_event(an_event(id=None)) for _ in range(2))
    other = read_event(an_event(id=None, message="Another line"))
    assert first.id == again.id != other.id
    assert first.id.startswith("made-")


@pytest.mark.parametrize("raw", [{}, {"object": "fine_tuning.job.event"}, [], None, "event"])
def test_an_event_with_nothing_in_it_is_refused(raw):
    assert isinstance(read_event(raw), Invalid)


def test_an_event_without_a_type_is_judged_by_its_points():
    assert read_event(an_event(type=None)).type == "metrics"
    assert read_event(an_event(type=None, data=None)).type == "message"


def test_a_long_message_is_cut_and_kept_storable():
    event = read_event(an_event(message="a\x00" + "x" * 20_000))
    assert event.message.startswith("a\ufffdx")
    assert len(event.message) == 8192


def test_a_checkpoint_is_read_whole():
    checkpoint = read_checkpoint(a_checkpoint())
    assert (checkpoint.id, checkpoint.step) == ("ftckpt_1", 50)
    assert checkpoint.model == "ft:gpt-4.1-mini:org::a:ckpt-step-50"
    assert checkpoint.metrics == {"train_loss": 0.2, "full_valid_accuracy": 0.7}
    assert Point("full_valid_accuracy", 50.0, 0.7) in checkpoint.points


def test_a_checkpoint_may_have_its_step_in_the_metrics_only():
    checkpoint = read_checkpoint(a_checkpoint(step_number=None))
    assert (checkpoint.step, type(checkpoint.step)) == (50, int)
    bare = read_checkpoint({"id": "ftckpt_2"})
    assert (bare.step, bare.model, bare.metrics, bare.points) == (None, None, {}, ())


@pytest.mark.parametrize("raw", [{}, {"id": None}, {"id": 5}, [], None])
def test_a_checkpoint_without_an_id_is_refused(raw):
    assert isinstance(read_checkpoint(raw), Invalid)


def test_a_file_is_read_whole():
    raw = {
        "id": "file-1",
        "object": "file",
        "bytes": 140,
        "created_at": 1760000000,
        "filename": "step_metrics.csv",
        "purpose": "fine-tune-results",
        "status": "processed",
        "expires_at": None,
    }
    found = read_file(raw)
    assert (found.id, found.bytes, found.filename) == ("file-1", 140, "step_metrics.csv")
    assert (found.purpose, found.status, found.expires_at) == (
        "fine-tune-results",
        "processed",
        None,
    )
    assert found.created_at.year == 2025


def test_a_file_may_say_almost_nothing():
    found = read_file({"id": "file-1", "bytes": -1, "filename": 7})
    assert (found.bytes, found.filename, found.created_at) == (None, None, None)
    assert isinstance(read_file({"id": "../x"}), Invalid)
