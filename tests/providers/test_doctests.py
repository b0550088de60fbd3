import doctest

import pytest

from providers import metrics, ratelimits


@pytest.mark.parametrize("module", [metrics, ratelimits])
def test_the_examples_in_the_docstrings_hold(module):
    failed, tried = doctest.testmod(module)
    assert failed == 0
    assert tried > 0
