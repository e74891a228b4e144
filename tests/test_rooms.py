"""Imports point one way: adapters -> store -> core."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

MIRROR = Path(__file__).resolve().parents[1] / "mirror"
BELOW = {"core": ("mirror.core",), "store": ("mirror.core", "mirror.store")}
FOREIGN = {
    "core": {"scrapy", "twisted", "sqlalchemy", "sqlite3", "rich", "playwright"},
    "store": {"scrapy", "twisted", "rich", "playwright"},
}


def imported(module: Path) -> set[str]:
    """The modules that a file names in its imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("layer", ["core", "store"])
def test_a_layer_names_nothing_above_it(layer: str) -> None:
    modules = sorted((MIRROR / layer).rglob("*.py"))
    assert len(modules) > 4
    for module in modules:
        ours = {name for name in imported(module) if name.split(".")[0] == "mirror"}
        assert {name for name in ours if not name.startswith(BELOW[layer])} == set(), module.name


@pytest.mark.parametrize("layer", ["core", "store"])
def test_a_layer_brings_in_nothing_foreign(layer: str) -> None:
    modules = [module.relative_to(MIRROR.parent).with_suffix("") for module in (MIRROR / layer).rglob("*.py")]
    names = [".".join(module.parts) for module in modules if module.name != "__init__"]
    program = f"import sys, {', '.join(names)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {name.split(".")[0] for name in loaded} & FOREIGN[layer] == set()
