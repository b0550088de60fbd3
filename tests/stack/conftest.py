"""Workers, providers and receivers of one story. Models are imported late: this is read before Django is set up."""

import pytest

from tests.provider_double import ProviderDouble
from tests.receiver import Receiver


@pytest.fixture
def stack(celery_stack):
    """Nothing runs yet; whatever runs in the end is killed, for stopping in order is not the story here."""
    one = celery_stack((), beat=False)
    yield one
    for part in one.parts.values():
        part.kill()


@pytest.fixture
def town(stack, valkey):
    from tests.stack.town import Town

    return Town(stack, valkey)


@pytest.fixture
def a_provider(town):
    """Makes providers. They end before the workers, so that no request keeps hanging."""
    made = []

    def make(**options) -> ProviderDouble:
        made.append(ProviderDouble(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def provider(a_provider):
    return a_provider()


@pytest.fixture
def a_receiver():
    made = []

    def make() -> Receiver:
        made.append(Receiver())
        return made[-1]

    yield make
    for one in made:
        one.down()


@pytest.fixture
def receiver(a_receiver):
    return a_receiver().up()
