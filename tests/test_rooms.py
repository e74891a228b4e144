"""The rooms: imports go one way, in no circle, as the table in `rooms.py` says and docs/architecture.md shows."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

from tests.rooms import BEGIN, END, NAMES, PAGE, ROOMS, Room, allowed, circles, imports, modules, picture, room_of

MOST_MODULES = 15
MOST_LINES = 420
MOST_METHODS = 26
CLOCKS = {
    "mirror.cli.archive_command": "when a command began",
    "mirror.pacing": "`Retry-After` with a date, if the answer has no `Date`",
    "mirror.robots": "the same",
    "mirror.progress.outputs": "when an event happened, for readers outside",
    "mirror.spiders.mirror": "when a run began, and when it checked a URL",
    "mirror.store.disk.owner_record": "since when a process holds the lock, as text",
    "mirror.transfer.file_transfer": "the year of the times in an FTP listing",
    "mirror.replay.certificates": "since when a certificate is valid, and until when",
}
"""The modules that read the clock of the machine, and for what. Pauses and limits use a clock that does not jump."""

READS_CLOCK = {"time", "time.time", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
FOREIGN = {
    "core": {"scrapy", "twisted", "sqlite3", "rich", "playwright", "pycurl", "starlette"},
    "store": {"scrapy", "twisted", "rich", "playwright", "pycurl", "starlette"},
}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_imports_what_the_table_says_and_no_more(room: Room) -> None:
    used = {
        f"{name} -> {other}"
        for name, others in imports().items()
        for other in others
        if room_of(name) == room.name and room_of(other) not in allowed(room)
    }
    assert used == set()


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_the_table_says_nothing_that_is_not_so(room: Room) -> None:
    used = {room_of(other) for name, others in imports().items() if room_of(name) == room.name for other in others}
    floors = {name.split(".")[0] for name in used}
    assert {word for word in room.imports if word not in used | (floors & {"core", "store"})} == set()


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_the_table_goes_one_way(room: Room) -> None:
    assert allowed(room) <= set(NAMES[: NAMES.index(room.name) + 1])


def test_no_modules_import_each_other() -> None:
    assert circles(imports()) == []


def test_a_circle_would_be_found() -> None:
    graph = {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("bd"), "d": frozenset[str]()}
    assert [sorted(circle) for circle in circles(graph)] == [["b", "c"]]
    with pytest.raises(ValueError, match="cycle"):
        TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_says_what_it_is_for_and_is_no_hall(room: Room) -> None:
    inside = [name for name in modules() if room_of(name) == room.name and not modules()[name].name.startswith("__")]
    package = "mirror" if room.name == "mirror" else f"mirror.{room.name}"
    assert 1 <= len(inside) <= MOST_MODULES
    assert ast.get_docstring(ast.parse(modules()[package].read_text()))


@pytest.mark.parametrize("name", modules())
def test_a_module_is_short_and_so_are_its_classes(name: str) -> None:
    text = modules()[name].read_text()
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            methods = [one.name for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
            assert len([one for one in methods if not one.startswith("_")]) <= MOST_METHODS, node.name


def test_the_picture_is_that_of_the_table() -> None:
    assert BEGIN + picture() + END in PAGE.read_text(), "run `python -m tests.rooms`"


def test_pauses_and_limits_use_a_clock_that_does_not_jump() -> None:
    found = {
        name
        for name, place in modules().items()
        for node in ast.walk(ast.parse(place.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in READS_CLOCK
    }
    assert found == set(CLOCKS)


@pytest.mark.parametrize("layer", ["core", "store"])
def test_a_layer_brings_in_nothing_foreign(layer: str) -> None:
    names = [name for name in modules() if name.startswith(f"mirror.{layer}.")]
    program = f"import sys, {', '.join(names)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {name.split(".")[0] for name in loaded} & FOREIGN[layer] == set()
