"""Signals that end a program: they end a block of it as Ctrl-C does, unless the program ignores them."""

import subprocess
import sys
from typing import Final

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")

PROGRAM: Final = """
import signal
from mirror.workers.processes import signals_interrupt
signal.signal(signal.SIGINT, lambda *_: print("handled"))
signal.signal(signal.SIGHUP, {handler})
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    try:
        with signals_interrupt():
            signal.raise_signal(number)
    except KeyboardInterrupt:
        print(number.name)
signal.raise_signal(signal.SIGINT)
"""


@pytest.mark.parametrize(
    ("handler", "said"),
    [("signal.SIG_DFL", ["SIGINT", "SIGTERM", "SIGHUP"]), ("signal.SIG_IGN", ["SIGINT", "SIGTERM"])],
)
def test_signals_interrupt_a_block_and_mean_the_same_as_before_behind_it(handler: str, said: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(handler=handler)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [*said, "handled"]
