"""A short run of the fuzzer; `make fuzz` is the long one. What a long run finds becomes a test of the module at fault."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.inputs import inputs
from tests.fuzz.laws import LAWS, TooSlowError, within

LENGTH = 1 << 15


@pytest.mark.parametrize("name", LAWS)
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_law_holds(name: str, data: st.DataObject) -> None:
    law = LAWS[name]
    law.holds_for(data.draw(inputs(law.words)))


@pytest.mark.parametrize("name", LAWS)
def test_each_word_many_times_over_takes_time_that_its_length_explains(name: str) -> None:
    law = LAWS[name]
    for word in law.words:
        law.holds_for(word * (LENGTH // len(word)))


def test_what_takes_too_long_is_noticed() -> None:
    with pytest.raises(TooSlowError), within(0.05):
        _never_end()


def _never_end() -> None:
    while True:
        pass
