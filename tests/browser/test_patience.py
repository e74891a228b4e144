"""For which pages the browser waits for timers."""

from mirror.browser.patience import TRIALS, Patience
from mirror.core.policy.dynamic_pages import RECHECK_INTERVAL


def test_a_template_that_is_never_late_is_not_waited_for() -> None:
    patience = Patience()
    for number in range(1, TRIALS + 1):
        assert patience.has("a", number)
        patience.learn("a", waited=True, late=False)
        patience.learn("a", waited=False, late=False)
    assert (patience.has("a", 7), patience.has("a", RECHECK_INTERVAL), patience.has("b", 7)) == (False, True, True)
    patience.learn("a", waited=True, late=True)
    assert patience.has("a", 7)
