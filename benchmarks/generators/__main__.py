"""Build the named sites, or all, and print their folders."""

import sys

from benchmarks.generators import NAMES, NotBuiltError, built

if __name__ == "__main__":
    try:
        for name in sys.argv[1:] or NAMES:
            print(built(name).folder)
    except NotBuiltError as error:
        sys.exit(str(error))
