"""In which order the benchmark asks, and how often."""

from bench.asking import SLOW_TURNS, TURNS, WARM, Reply, in_turn


class Side:
    """Answers in these milliseconds, the last of them for ever, and notes when it was asked."""

    def __init__(self, name: str, log: list[str], *took: float) -> None:
        self.name, self.log, self.took = name, log, list(took)

    def __call__(self) -> Reply:
        self.log.append(self.name)
        return Reply(self.took.pop(0) if len(self.took) > 1 else self.took[0], 200, b"", {})


def asked(*sides: Side) -> dict[str, list[float]]:
    return in_turn({side.name: side for side in sides}, "test")


def test_all_sides_are_asked_in_turn_once_they_are_warm():
    log = []
    asked(Side("A", log, 1.0), Side("B", log, 2.0))
    assert "".join(log) == "A" * WARM + "B" * WARM + "AB" * TURNS


def test_warm_answers_are_not_counted():
    found = asked(Side("A", [], *[90.0] * WARM, 1.0))
    assert found == {"A": [1.0] * TURNS}


def test_a_side_that_takes_seconds_is_asked_less_often():
    found = asked(Side("A", [], 1.0), Side("B", [], 5000.0))
    assert {name: len(ms) for name, ms in found.items()} == {"A": TURNS, "B": SLOW_TURNS}


def test_a_slow_first_answer_makes_no_slow_side():
    assert len(asked(Side("A", [], 3000.0, 30.0))["A"]) == TURNS
