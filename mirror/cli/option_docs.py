"""The tables of docs/options.md, made from the table of options: `python -m mirror.cli.option_docs docs/options.md`.

The tables are between two comments in the page; the rest of the page is written by hand.
"""

import sys
from pathlib import Path
from typing import Final

from mirror.cli.option_table import OPTIONS, Group, Option, flag

BEGIN: Final = "<!-- options: `make docs` writes the tables from mirror/cli/option_table.py -->\n"
END: Final = "<!-- end of options -->\n"


def markdown() -> str:
    """A heading and a table for each group of options."""
    return "\n".join(f"## {group}\n\n{_table(group)}" for group in Group)


def with_tables(page: str) -> str:
    """The page with new tables. Raises `ValueError` if it lacks one of the two comments.

    >>> with_tables(f"before {BEGIN}old tables{END} after") == f"before {BEGIN}\\n{markdown()}\\n{END} after"
    True
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {END if begin else BEGIN}".rstrip())
    return f"{before}{BEGIN}\n{markdown()}\n{END}{after}"


def _table(group: Group) -> str:
    rows = [_row(name, option) for name, option in OPTIONS.items() if option.group is group]
    return "| Option | Default | |\n|---|---|---|\n" + "".join(rows)


def _row(name: str, option: Option) -> str:
    default = f"`{option.default}`" if option.default else option.default_note
    description = f"{option.description[0].upper()}{option.description[1:]}."
    if option.is_switch:
        default = f"`{flag(name)}`" if option.default == "1" else f"`--no-{flag(name)[2:]}`"
    cells = (spelling(name, option), default, f"{description} {option.details}".rstrip())
    return f"| {' | '.join(map(_escaped, cells))} |\n"


def spelling(name: str, option: Option) -> str:
    """An option as `websucker` takes it.

    >>> spelling("depth", OPTIONS["depth"]), spelling("insecure", OPTIONS["insecure"])
    ('`-l`, `--depth N`', '`--insecure`, `--no-insecure`')
    """
    if name == "start":
        return f"`{option.value}...`"
    if option.is_switch:
        return f"`{flag(name)}`, `--no-{flag(name)[2:]}`"
    return ", ".join([*(f"`-{letter}`" for letter in option.short), f"`{flag(name)} {option.value}`"])


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|")


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.write_text(with_tables(place.read_text(encoding="utf-8")), encoding="utf-8")
