"""Lives whose seeds found something, and a check that the model notices each kind of fault. `make chaos` is the long run."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from mirror.core.policy.lost_content import EMPTY
from tests.chaos.archive import KEPT
from tests.chaos.life import Life, disk
from tests.chaos.model import NOTHING, Model
from tests.chaos.site import Manner

FOUND: Final = {
    2: "an empty answer replaced a page",
    3: "an answer whose server died behind the headers replaced a page",
    5: "a 204 replaced a page",
    103: "refresh believed times of the future",
    105: "prune kept the snapshots with the latest times, not the newest",
}
"""Seed -> what it found."""


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.long) for seed in FOUND])
def test_a_life_that_found_something(seed: int) -> None:
    with disk() as folder:
        Life(folder, seed).live(30)


def test_a_short_life() -> None:
    with disk() as folder:
        Life(folder, 2, size=12).live(6)


# The model


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    life = Life(tmp_path_factory.mktemp("chaos"), 1, size=12)
    life.live(0)
    return life


def execute(model: Model, statement: str) -> None:
    with closing(sqlite3.connect(model.archive.root / KEPT / "manifest.sqlite")) as manifest, manifest:
        manifest.execute(statement)


def one_object(model: Model) -> Path:
    return model.archive.stored()[model.site.resources["/"].digest]


def change_history(model: Model) -> None:
    execute(model, "UPDATE resources SET digest = 'abcd' WHERE media_type = 'image/png'")


def lose_an_object(model: Model) -> None:
    one_object(model).unlink()


def change_an_object(model: Model) -> None:
    place = one_object(model)
    place.unlink()
    place.write_bytes(b"something else")


def keep_an_object_of_nothing(model: Model) -> None:
    one_object(model).with_name("0" * 62).write_bytes(b"x")


def invent_a_version(model: Model) -> None:
    model.site.log["/"] = {Manner.BROKEN}
    model.copies = {}


def empty_a_picture(model: Model) -> None:
    execute(model, f"UPDATE resources SET digest = '{NOTHING}' WHERE media_type = 'image/png'")
    for path in model.copies:
        if path.endswith(".png"):
            model.site.log[path] = {Manner.EMPTY}


def say_that_a_page_is_gone(model: Model) -> None:
    execute(model, "UPDATE resources SET standing = 'gone', path = NULL WHERE media_type = 'text/html'")


def lose_a_version(model: Model) -> None:
    execute(model, "DELETE FROM resources WHERE media_type = 'image/png'")


def miss_a_change(model: Model) -> None:
    model.site.resources["/"].edition += 1


def leave_a_run_unfinished(model: Model) -> None:
    execute(model, "UPDATE snapshots SET outcome = 'incomplete'")


def hold_a_run_without_a_reason(model: Model) -> None:
    execute(model, "UPDATE snapshots SET outcome = 'held'")


def lose_a_file(model: Model) -> None:
    next(path for path in map(model.archive.root.joinpath, model.archive.tree()) if path.suffix == ".png").unlink()


def leave_a_file(model: Model) -> None:
    (model.archive.root / "left.html").write_text("x", encoding="utf-8")


def remember_what_is_forgotten(model: Model) -> None:
    model.forgotten.add("/")


FAULTS: Final[dict[str, Callable[[Model], None]]] = {
    "digest='abcd'": change_history,
    "of a complete snapshot is missing": lose_an_object,
    "of a complete snapshot has another content": change_an_object,
    "nothing names the object": keep_an_object_of_nothing,
    "sent: {<Manner.BROKEN": invent_a_version,
    "sent: {<Manner.EMPTY": empty_a_picture,
    "is gone, but the server sent only": say_that_a_page_is_gone,
    "had a copy and has none now": lose_a_version,
    "is edition 2": miss_a_change,
    "its outcome is incomplete": leave_a_run_unfinished,
    "and held is True": hold_a_run_without_a_reason,
    "is missing": lose_a_file,
    "files of nothing": leave_a_file,
    "is forgotten, but": remember_what_is_forgotten,
}
"""What the model says -> what was done to the archive."""


@pytest.fixture
def model(life: Life, tmp_path: Path) -> Model:
    """The model of an archive after a run, which a test may change."""
    return life.copy(tmp_path / "archive")


def test_a_good_archive_breaks_no_law(model: Model) -> None:
    assert list(model.always()) + list(model.after_run(still=True)) == []


def test_an_empty_answer_is_true_if_the_run_before_saw_one_too(model: Model) -> None:
    empty_a_picture(model)
    model.before = {path: replace(version, error=EMPTY) for path, version in model.before.items()}
    assert not [problem for problem in model.after_run(still=False) if "sent: {<Manner.EMPTY" in problem]


@pytest.mark.parametrize("said", FAULTS)
def test_a_fault_is_noticed(model: Model, said: str) -> None:
    FAULTS[said](model)
    problems = list(model.always()) + list(model.after_run(still=True))
    assert any(said in problem for problem in problems), problems
