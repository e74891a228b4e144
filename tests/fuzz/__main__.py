"""The long run: `python -m tests.fuzz [--minutes N] [--coverage] [LAW ...]`, which is what `make fuzz` does.

It tries the laws in turns until the time is over. It shrinks an input that breaks a law, prints it and stores it in
`.hypothesis`, so that the next run begins with it; the exit code is then 1. With `--coverage`, atheris looks for inputs that
reach new code of `mirror.core`, for each law in its own process; it keeps its corpus in `.cache/fuzz`.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from time import monotonic

from hypothesis import HealthCheck, given, settings

from tests.fuzz.inputs import inputs
from tests.fuzz.laws import LAWS

ROUND = 200
HANGS = 60
"""Seconds after which atheris ends a call that doesn't return from C, which no signal handler can end."""

CORPUS = Path(__file__).resolve().parents[2] / ".cache" / "fuzz"


def main() -> int:
    line = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Look for inputs that break a law.")
    line.add_argument("laws", nargs="*", metavar="LAW", help=f"one of {', '.join(LAWS)} (default: all)")
    line.add_argument(
        "--minutes", type=float, default=10.0, help="minutes for all laws together (default: %(default)s)"
    )
    line.add_argument(
        "--coverage", action="store_true", help="let coverage guide the inputs; needs requirements-fuzz.txt"
    )
    options = line.parse_args()
    unknown = [name for name in options.laws if name not in LAWS]
    if unknown:
        line.error(f"no law {unknown[0]!r}; use one of {', '.join(LAWS)}")
    names = options.laws or list(LAWS)
    broken = guided(names, options.minutes) if options.coverage else tried(names, options.minutes)
    print(f"broken: {', '.join(broken)}" if broken else f"{len(names)} laws hold")
    return 1 if broken else 0


def tried(names: list[str], minutes: float) -> list[str]:
    """Try random inputs, round after round, and return the laws that they break."""
    ends, broken, rounds = monotonic() + 60 * minutes, [], 0
    while monotonic() < ends:
        for name in [name for name in names if name not in broken]:
            law = LAWS[name]
            hold = settings(max_examples=ROUND, suppress_health_check=list(HealthCheck))(
                given(inputs(law.words))(law.holds_for)
            )
            try:
                hold()
            except Exception as error:  # noqa: BLE001 - any exception breaks the law
                broken.append(name)
                print(
                    f"{name}: {type(error).__name__}: {error}\n" + "\n".join(getattr(error, "__notes__", [])),
                    flush=True,
                )
            if monotonic() > ends:
                break
        rounds += 1
    print(f"{rounds} rounds of {ROUND} inputs for each law")
    return broken


def guided(names: list[str], minutes: float) -> list[str]:
    """Run atheris, and return the laws that it breaks."""
    broken = []
    for name in names:
        corpus = CORPUS / name
        corpus.mkdir(parents=True, exist_ok=True)
        for n, word in enumerate(LAWS[name].words):
            (corpus / f"word-{n}").write_bytes(word)
        table = CORPUS / f"{name}.words"
        table.write_text("".join(map(_entry, filter(None, LAWS[name].words))))
        seconds = max(1, round(60 * minutes / len(names)))
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.guided",
            name,
            str(corpus),
            f"-max_total_time={seconds}",
            "-max_len=20000",
            "-len_control=10",  # by default it tries no input over a hundred bytes within a minute
            f"-timeout={HANGS}",
            f"-dict={table}",
        ]
        print(f"--- {name}: {seconds} s", flush=True)
        if subprocess.run([*command, f"-artifact_prefix={corpus}-"], check=False).returncode:
            broken.append(name)
    return broken


def _entry(word: bytes) -> str:
    """Write a word for a dictionary of libFuzzer."""
    escaped = "".join(f"\\x{byte:02X}" for byte in word)
    return f'"{escaped}"\n'


if __name__ == "__main__":
    sys.exit(main())
