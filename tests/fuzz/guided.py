"""One law under atheris: `python -m tests.fuzz.guided LAW [libFuzzer's options]`."""

import sys


def main() -> None:
    """Run the law until libFuzzer ends the process."""
    try:
        import atheris  # noqa: PLC0415 - the tests import this file without atheris
    except ImportError:
        sys.exit("atheris is missing: pip install -r requirements-fuzz.txt")
    with atheris.instrument_imports(include=["mirror.core"]):
        from tests.fuzz.laws import LAWS  # noqa: PLC0415
    law = LAWS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, law.holds_for)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
