"""The long run: `python -m tests.chaos [--minutes N] [--seed N] [--steps N]`, which is what `make chaos` does.

It lives one life after the other, from seed to seed, until the time is over. It ends at the first law that is broken: it prints
the law, the seed and the steps, keeps the archive in `build/chaos`, and exits with 1.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

from tests.chaos.life import FAKETIME, BrokenLaw, Life, disk

KEEP = Path("build", "chaos")


def main() -> int:
    line = argparse.ArgumentParser(
        prog="python -m tests.chaos", description="Give an archive bad luck until a law breaks."
    )
    line.add_argument("--minutes", type=float, default=10.0, help="how long (default: %(default)s)")
    line.add_argument("--seed", type=int, help="live this life only")
    line.add_argument("--first", type=int, default=int(time.time()), help="the first seed (default: the time)")
    line.add_argument("--steps", type=int, default=25, help="how many steps a life has (default: %(default)s)")
    options = line.parse_args()
    if not FAKETIME:
        print("without faketime, no clock jumps", file=sys.stderr)
    ends, lives = time.monotonic() + 60 * options.minutes, 0
    seeds = [options.seed] if options.seed is not None else range(options.first, sys.maxsize)
    for seed in seeds:
        if time.monotonic() > ends:
            break
        if not lived(seed, options.steps):
            return 1
        lives += 1
    print(f"{lives} lives of {options.steps} steps: all laws hold")
    return 0


def lived(seed: int, steps: int) -> bool:
    """Live one life; returns whether all laws held."""
    began = time.monotonic()
    with disk() as folder:
        if not folder.is_mount():
            print("without the right to mount one, no disk gets full", file=sys.stderr)
        life = Life(folder, seed)
        try:
            life.live(steps)
        except BrokenLaw as broken:
            shutil.rmtree(KEEP, ignore_errors=True)
            shutil.copytree(folder, KEEP, symlinks=True, ignore=_special)
            print(f"{broken}\nkept in {KEEP}; again: python -m tests.chaos --seed {seed} --steps {steps}", flush=True)
            return False
        finally:
            print(f"seed {seed}: {len(life.log)} steps in {time.monotonic() - began:.0f} s", flush=True)
    return True


def _special(folder: str, names: list[str]) -> list[str]:
    """What is neither file nor folder can't be copied."""
    return [name for name in names if Path(folder, name).is_fifo()]


if __name__ == "__main__":
    sys.exit(main())
