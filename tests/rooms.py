"""The rooms of the code, and what each may import: one table, for `test_rooms.py` and for the picture in docs/architecture.md.

`python -m tests.rooms` writes the picture again.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "architecture.md"
BEGIN: Final = "<!-- rooms: made by `python -m tests.rooms` -->\n"
END: Final = "<!-- end of rooms -->\n"


@dataclass(frozen=True, slots=True)
class Room:
    """A package below `mirror`, what it is for, and the rooms that it imports. `core` and `store` stand for all of theirs."""

    name: str
    purpose: str
    imports: tuple[str, ...] = ()


ROOMS: Final = (
    Room("core.url", "URLs and file names"),
    Room("core.http", "HTTP messages", ("core.url",)),
    Room("core.syntax", "HTML, CSS, scripts as text", ("core.url",)),
    Room("core.document", "references and copies", ("core.http", "core.syntax", "core.url")),
    Room("core.policy", "what a crawl may do", ("core.document", "core.http", "core.syntax", "core.url")),
    Room("core.links", "the links of a document", ("core.document", "core.http", "core.syntax", "core.url")),
    Room("core.comparison", "how two pages differ", ("core.syntax",)),
    Room("core.search", "texts, words and queries", ("core.comparison", "core.syntax")),
    Room("core.replay", "URLs and headers of replay", ("core.http", "core.syntax", "core.url")),
    Room("store.disk", "files", ("core",)),
    Room("store.manifest", "the database's interface", ("core", "store.disk")),
    Room("store.sqlite", "the database", ("core", "store.disk", "store.manifest")),
    Room("store.search", "the search index", ("core", "store.disk", "store.manifest", "store.sqlite")),
    Room("store.rules", "the rules of a run", ("core", "store.disk", "store.manifest")),
    Room(
        "store",
        "the archive",
        ("core", "store.disk", "store.manifest", "store.rules", "store.search", "store.sqlite"),
    ),
    Room("store.links", "what links lead to", ("core", "store", "store.disk", "store.manifest")),
    Room("store.run", "one run", ("core", "store", "store.disk", "store.manifest", "store.rules")),
    Room("events", "what a run tells while it goes", ("core",)),
    Room("terminal", "messages and progress"),
    Room("workers", "other processes"),
    Room("engine", "the way of a request through Scrapy"),
    Room("transfer", "downloads", ("core", "store")),
    Room("reports", "text for users", ("core", "store", "terminal")),
    Room("reports.links", "the report on links", ("core", "reports", "store", "terminal")),
    Room("browser", "pages that scripts build", ("core", "store", "workers")),
    Room("replay", "the replay server", ("core", "reports", "store")),
    Room("compare", "original and copy", ("browser", "core", "replay", "store")),
    Room("cli", "options", ("browser", "core", "events", "reports", "store", "terminal")),
    Room("program", "the command line", ("cli", "core", "reports", "terminal")),
    Room(
        "mirror",
        "Scrapy's components",
        ("browser", "cli", "core", "events", "program", "reports", "store", "terminal", "transfer", "workers"),
    ),
    Room(
        "progress",
        "events, displays, heartbeats",
        ("core", "events", "mirror", "store", "terminal", "transfer"),
    ),
    Room("asking", "questions to servers", ("cli", "core", "mirror", "terminal", "transfer")),
    Room(
        "commands.queries",
        "those that answer questions",
        ("asking", "cli", "core", "reports", "reports.links", "store", "terminal", "workers"),
    ),
    Room(
        "commands",
        "one file for each command",
        (
            *(
                "asking",
                "browser",
                "cli",
                "commands.queries",
                "compare",
                "core",
                "engine",
                "events",
                "program",
                "progress",
                "replay",
            ),
            *("reports", "store", "terminal", "workers"),
        ),
    ),
    Room(
        "scrapy_commands", "the same for Scrapy's command line", ("cli", "commands", "program", "reports", "terminal")
    ),
    Room("scrapy_commands.queries", "the same", ("program",)),
)
"""From the bottom up: a room imports only rooms above it in this table. `mirror` is the root, with its spiders."""

NAMES: Final = tuple(room.name for room in ROOMS)


@lru_cache(maxsize=1)
def modules() -> dict[str, Path]:
    """The modules of the program, by their dotted names."""
    paths = sorted((ROOT / "mirror").rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def room_of(module: str) -> str:
    """The room that a module is in.

    >>> room_of("mirror.store.disk.tree"), room_of("mirror.store.archive"), room_of("mirror.spiders.mirror")
    ('store.disk', 'store', 'mirror')
    """
    package = module.removeprefix("mirror").removeprefix(".")
    while package and package not in NAMES:
        package = package.rpartition(".")[0]
    return package or "mirror"


@lru_cache(maxsize=1)
def imports() -> dict[str, frozenset[str]]:
    """Each module with the modules of Websucker that it imports, also in functions and under `TYPE_CHECKING`."""
    ours = set(modules()) - {"mirror"}  # which has nothing but the version
    return {name: frozenset(set(_imported(path)) & ours - {name}) for name, path in modules().items()}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in modules() else str(node.module)


def allowed(room: Room) -> set[str]:
    """The rooms that a room may import, itself among them."""
    floor = room.name.partition(".")[0]
    whole = {word for word in room.imports if word in {"core", "store"} and word != floor}
    return {name for name in NAMES if name in {room.name, *room.imports} or name.partition(".")[0] in whole}


def picture() -> str:
    """The table as a Mermaid chart, without the arrows that follow from others."""
    lines = ["```mermaid", "flowchart TB"]
    for floor in ("core", "store"):
        lines.append(f"  subgraph {floor}_floor [{floor}]")
        lines += [f"    {_node(room)}" for room in ROOMS if room.name == floor or room.name.startswith(f"{floor}.")]
        lines.append("  end")
    lines += [f"  {_node(room)}" for room in ROOMS if not room.name.startswith(("core", "store"))]
    lines.append("  store_floor --> core_floor")
    for room in ROOMS:
        lines += [f"  {_id(room.name)} --> {_id(to)}" for to in _direct(room)]
    return "\n".join([*lines, "```", ""])


def _direct(room: Room) -> list[str]:
    """The imports of a room, without those that follow from the rooms that it imports."""
    behind = {name for other in ROOMS if other.name in room.imports for name in _behind(other)}
    if "store" in room.imports or room.name.startswith("store"):
        behind.add("core")
    is_outside = room.name.partition(".")[0] not in {"core", "store"}
    return [
        f"{name}_floor" if is_outside and name in {"core", "store"} else name
        for name in sorted({*room.imports} - behind)
    ]


def _behind(room: Room) -> set[str]:
    """The imports of a room, and the imports of these."""
    return {*room.imports, *(name for other in ROOMS if other.name in room.imports for name in _behind(other))}


def _id(name: str) -> str:
    return name.replace(".", "_")


def _node(room: Room) -> str:
    return f'{_id(room.name)}["<b>{room.name}</b><br>{room.purpose}"]'


def circles(graph: dict[str, frozenset[str]]) -> list[Sequence[str]]:
    """The circles of a graph: each a list of names that lead to each other (Tarjan, 1972)."""
    found: list[Sequence[str]] = []
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    way: list[str] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        way.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in way:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            circle = way[way.index(name) :]
            del way[way.index(name) :]
            if len(circle) > 1:
                found.append(circle)

    for name in graph:
        if name not in order:
            visit(name)
    return found


def main() -> None:
    """Write the picture into docs/architecture.md."""
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    PAGE.write_text(head + BEGIN + picture() + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
