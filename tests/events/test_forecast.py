"""How many URLs a run may have: a number only if there are grounds for one."""

from mirror.events.forecast import Moment, Pace, Window


def pace(*moments: tuple[float, int, int]) -> Pace:
    window = Window()
    return [window.pace(Moment(time, done, known, 0)) for time, done, known in moments][-1]


def test_nothing_is_said_before_enough_is_done() -> None:
    assert pace((0, 0, 1), (5, 10, 500)).most is None


def test_nothing_is_said_while_each_page_leads_to_another() -> None:
    assert pace((0, 0, 1000), (60, 100, 1100)).most is None


def test_what_waits_leads_to_as_much_as_the_last_did() -> None:
    assert pace((0, 0, 950), (60, 100, 1000)).most == 1900  # half a new one for each: 900 lead to 450, these to 225...


def test_if_nothing_new_is_found_what_is_known_is_all() -> None:
    assert pace((0, 0, 1000), (60, 100, 1000)).most == 1000


def test_if_nothing_waits_what_is_known_is_all() -> None:
    assert pace((0, 5, 5), (1, 5, 5)).most == 5


def test_the_last_minute_counts() -> None:
    moments = [(float(second), second * 10, 10_000) for second in range(120)]
    assert pace(*moments, (180.0, 1190 + 60, 10_000)).rate == (1250 - 1190) / 61
