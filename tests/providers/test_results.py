import base64
import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers import results
from providers.metrics import canonical, describe
from providers.results import METRICS, read_result_file
from providers.wire import Point

# The machine may be busy; how long an example takes is no part of these tests.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CSV = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,0.9,0.5,,\n2,6e-05,1.0,0.7,0.25\n"
POINTS = {
    Point("train_loss", 1, 0.9),
    Point("train_loss", 2, 6e-05),
    Point("train_accuracy", 1, 0.5),
    Point("train_accuracy", 2, 1.0),
    Point("valid_loss", 2, 0.7),
    Point("valid_accuracy", 2, 0.25),
}
PACKED = base64.b64encode(CSV)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (CSV, "plain"),
        (CSV.rstrip(), "plain"),
        (b"\xef\xbb\xbf" + CSV, "plain"),
        (CSV.replace(b"\n", b"\r\n"), "plain"),
        (CSV.replace(b",", b" , "), "plain"),
        (b"\n\n" + CSV.replace(b"step", b" Step", 1), "plain"),
        (b'"' + CSV.replace(b",", b'","').strip().replace(b"\n", b'"\n"') + b'"', "plain"),
        (json.dumps(CSV.decode()).encode(), "plain"),
        (PACKED, "base64"),
        (PACKED.rstrip(b"="), "base64"),
        (b'"' + PACKED + b'"\n', "base64"),
        (base64.encodebytes(CSV), "base64"),
        (b"\xef\xbb\xbf" + base64.b64encode(b"\xef\xbb\xbf" + CSV), "base64"),
    ],
)
def test_a_result_file_is_read_however_it_is_wrapped(body, encoding):
    found = read_result_file(body)
    assert (found.kind, found.encoding, found.reason) == ("csv", encoding, "")
    assert set(found.points) == POINTS
    assert (found.row_count, found.skipped_rows) == (2, 0)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b'""', "empty"),
        (b"<html>Sign in</html>", "html"),
        (b'{"error": {"message": "No such File object: sk-secret-key-123"}}', "error"),
        (b'{"step": 1}', "unknown"),
        (b"PK\x03\x04\x00\xff", "unknown"),
        (b"loss,step\n1,2\n", "unknown"),
        (b"steps,train_loss\n", "unknown"),
        (b"step\n1\n", "unknown"),
        (base64.b64encode(PACKED), "unknown"),
        (PACKED[:7] + b"!" + PACKED[7:], "unknown"),
    ],
)
def test_what_is_no_result_file_gives_a_reason_and_no_points(body, kind):
    found = read_result_file(body)
    assert (found.kind, found.points, found.text) == (kind, (), "")
    assert found.reason
    assert "sk-secret" not in found.reason


def test_a_header_alone_is_a_file_without_points():
    found = read_result_file(b"step,train_loss")
    assert (found.kind, found.columns, found.row_count, found.points) == (
        "csv",
        ("step", "train_loss"),
        0,
        (),
    )


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (
            "step,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_accuracy,full_valid_loss,full_valid_mean_token_accuracy",
            [
                "train_loss",
                "train_accuracy",
                "valid_loss",
                "valid_accuracy",
                "full_valid_loss",
                "full_valid_accuracy",
            ],
        ),
        (
            "step,elapsed_tokens,elapsed_examples,training_loss,training_sequence_accuracy,training_token_accuracy,validation_loss,validation_token_accuracy,classification/accuracy",
            [
                "elapsed_tokens",
                "elapsed_examples",
                "train_loss",
                "training_sequence_accuracy",
                "train_accuracy",
                "valid_loss",
                "valid_accuracy",
                "classification/accuracy",
            ],
        ),
        (
            "step,train_mean_reward,full_valid_mean_reward,errors/graders/g/train_other_error_count",
            [
                "train_mean_reward",
                "full_valid_mean_reward",
                "errors/graders/g/train_other_error_count",
            ],
        ),
    ],
)
def test_every_dialect_of_columns_ends_in_one_vocabulary(header, names):
    row = ",".join(["1"] + ["0.5"] * header.count(","))
    found = read_result_file(f"{header}\n{row}\n".encode())
    assert [point.metric for point in found.points] == names


def test_minus_one_is_no_loss_and_no_accuracy_but_a_reward():
    body = b"step,train_loss,valid_mean_token_accuracy,train_mean_reward\n1,-1,-1.0,-1\n2,0.5,0.5,0.5\n"
    at_one = [point for point in read_result_file(body).points if point.step == 1]
    assert at_one == [Point("train_mean_reward", 1, -1.0)]


def test_nan_infinity_and_words_are_no_values():
    body = b"step,a,b,c,d\n1,nan,inf,-Infinity,none\n"
    assert read_result_file(body).points == ()


def test_bad_rows_are_counted_and_the_rest_is_read():
    body = b'step,train_loss,x\nfoo,1\n,2\n3\n4,0.4,1,2,3\n"5,0.5\n-1,9\nnan,1\n6,0.6'
    found = read_result_file(body)
    assert [point for point in found.points if point.metric == "train_loss"] == [
        Point("train_loss", 4, 0.4),
        Point("train_loss", 6, 0.6),
    ]
    assert (found.row_count, found.skipped_rows) == (8, 5)
    assert "5 rows" in found.reason


def test_of_two_columns_for_one_metric_the_first_counts_and_of_two_rows_the_last():
    found = read_result_file(
        b"step,train_accuracy,train_mean_token_accuracy\n1,0.1,0.9\n1,0.2,0.8\n"
    )
    assert found.points == (Point("train_accuracy", 1, 0.2),)


def test_a_very_long_file_is_thinned_out_to_its_last_row(monkeypatch):
    monkeypatch.setattr(results, "MAX_POINTS", 10)
    body = b"step,train_loss\n" + b"".join(b"%d,0.5\n" % step for step in range(50))
    found = read_result_file(body)
    assert [point.step for point in found.points] == [0, 6, 12, 18, 24, 30, 36, 42, 48, 49]
    assert (found.row_count, found.skipped_rows) == (50, 0)
    assert "every 6th row" in found.reason


def test_a_file_of_the_largest_size_takes_little_memory():
    names = b",".join(b"c%d" % number for number in range(400))
    body = (
        b"step,"
        + names
        + b"\n"
        + b"".join(b"%d" % row + b",1" * 400 + b"\n" for row in range(6000))
    )
    tracemalloc.start()
    found = read_result_file(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.columns) == results.MAX_COLUMNS
    assert peak < 32 * 1024 * 1024


@pytest.mark.parametrize("filler", [b",", b" ", b"\n", b"\r", b'"', b"step,", b"=", b"A"])
def test_a_file_of_one_character_is_read_in_linear_time(filler):
    # A quadratic reader would need hours here, and the run's own time-out would end it.
    for head in (b"", b"step,a\n"):
        assert read_result_file(head + filler * 1_000_000).points == ()


def test_the_text_is_the_decoded_table():
    assert read_result_file(PACKED).text == CSV.decode().strip()


@UNHURRIED
@given(st.binary() | st.text().map(str.encode) | st.binary().map(base64.b64encode))
def test_any_bytes_give_a_result(body):
    for candidate in (body, b"step,a\n" + body, b'"step","a"\n"' + body):
        found = read_result_file(candidate)
        assert len(found.points) == len({(p.metric, p.step) for p in found.points})


def test_every_metric_is_known_by_its_own_name():
    for name, metric in METRICS.items():
        assert (metric.name, canonical(name), describe(name)) == (name, name, metric)
        assert metric.better in {"lower", "higher", None}
        assert metric.panel in {"loss", "accuracy", "reward", "tokens", "timing", "other"}


@pytest.mark.parametrize(
    ("name", "panel", "better"),
    [
        ("eval_loss", "loss", "lower"),
        ("classification/accuracy", "accuracy", "higher"),
        ("scores/train_reward_mean", "reward", "higher"),
        ("train_prompt_tokens_mean", "tokens", None),
        ("timing/step/eval", "timing", "lower"),
        ("train_other_error_count", "other", "lower"),
        ("epoch", "other", None),
    ],
)
def test_an_unknown_metric_is_judged_by_its_words(name, panel, better):
    assert (describe(name).panel, describe(name).better) == (panel, better)
