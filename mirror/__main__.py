"""`python -m mirror URL...`."""

from mirror.cli import main

if __name__ == "__main__":
    main()
