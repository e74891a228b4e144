"""The names of files, as a user chooses them: in a run, with `publish`, and in a checkout."""

from pathlib import Path

from mirror.core.url.local_paths import Names
from mirror.program.command_table import COMMANDS
from tests.crawl.running import mirror, tree, websucker
from tests.site import Site, serve

EXACT = {"index.html", "README.md", "LICENSE", "Docs/index.html"}
PORTABLE = {"index.html", "README~cl.md", "LICENSE~ex~.txt", "Docs~b/index.html"}


def site() -> Site:
    return (
        Site()
        .page("/", links=["/README.md", "/LICENSE", "/Docs/"])
        .file("/README.md", "# A", "text/markdown")
        .file("/LICENSE", "MIT", "text/plain")
        .page("/Docs/")
    )


def names(out: Path) -> set[str]:
    return {path.partition("/")[2] for path in tree(out) if "/" in path}


def test_names_are_exact_unless_a_run_or_publish_is_told_otherwise(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with serve(site()) as server:
        assert mirror(server.url, out).code == 0
        assert names(out) == EXACT
        again = mirror(server.url, out, "names=portable")
        assert (again.code, names(out)) == (0, PORTABLE)
        assert "3 files were renamed, without fetching: the names of this archive are portable now\n" in again.stderr
        kept = mirror(server.url, out)
        assert (kept.code, names(out)) == (0, PORTABLE)
        assert "renamed" not in kept.stderr
    published = websucker("publish", out, "--names", "exact")
    assert (published.code, names(out)) == (0, EXACT)
    assert published.stderr.startswith(
        "3 files were renamed, without fetching: the names of this archive are exact now\n"
    )


def test_a_checkout_may_have_other_names(tmp_path: Path) -> None:
    out, copy = tmp_path / "out", tmp_path / "copy"
    with serve(site()) as server:
        assert mirror(server.url, out).code == 0
    assert websucker("checkout", out, "latest", copy, "--names", "portable").code == 0
    assert (names(copy), names(out)) == (PORTABLE, EXACT)


def test_the_commands_know_all_names() -> None:
    """Their table loads nothing that knows the law."""
    for command in ("publish", "checkout"):
        [choices] = [one.keywords["choices"] for one in COMMANDS[command].arguments if one.names == ("--names",)]
        assert choices == tuple(Names)


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with serve(site()) as server:
        assert mirror(server.url, tmp_path / "out", "names=fancy").code == 2
    assert websucker("publish", tmp_path, "--names", "fancy").code == 2
