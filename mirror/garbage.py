"""Python's search for garbage: a program that loads much and then ends can do with little of it."""

import atexit
import gc

_ALLOCATIONS = 10_000


def collect_rarely() -> None:
    """Look for garbage less often, and not at the end of the program.

    Loading makes 130,000 objects that stay. By default, Python looks through them again and again, and once more at the end,
    when the system frees them anyway: that takes as long as fetching a hundred pages.
    """
    gc.set_threshold(_ALLOCATIONS, 50, 100)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
