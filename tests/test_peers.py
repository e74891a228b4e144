"""The table of the options of wget and HTTrack (docs/wget-httrack.md) names what these programs and Websucker have."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest
from scrapy.settings import Settings

from mirror.cli.option_table import OPTIONS
from mirror.program.command_table import COMMANDS
from tests.peers import PAGE, PEERS, Peer, listed, with_tables

PROGRAM = {"help", "version"}
"""Options of the program itself."""


def helped(peer: Peer) -> str:
    """What the program prints about its options; skips the test where it is missing or of another version."""
    if shutil.which(peer.help[0]) is None:
        pytest.skip(f"{peer.name} is not installed")
    text = subprocess.run(peer.help, capture_output=True, text=True, timeout=60, check=False).stdout
    if peer.version not in text:
        pytest.skip(f"this is not {peer.version}")
    return text


def code(answers: list[str]) -> Iterator[str]:
    """The pieces of code in Markdown."""
    for answer in answers:
        yield from re.findall(r"`([^`]+)`", answer)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_every_option_has_one_row_and_every_row_an_option(peer: Peer) -> None:
    assert set(peer.options) == listed(helped(peer))
    assert [option for option, rows in Counter(peer.options).items() if rows > 1] == []


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_the_rows_name_options_settings_and_commands_that_websucker_has(peer: Peer) -> None:
    settings = Settings()
    settings.setmodule("mirror.settings")
    pieces = [*code(peer.answers)]
    own = [piece for piece in pieces if not re.match("websucker [a-z]", piece)]  # those of commands are others
    options = {name.replace("-", "_") for piece in own for name in re.findall(r"--([a-z][a-z-]*)", piece)}
    assert options - set(OPTIONS) <= PROGRAM
    assert {name for piece in pieces for name in re.findall(r"-s ([A-Z_]+)", piece) if name not in settings} == set()
    assert {name for piece in pieces for name in re.findall(r"^websucker ([a-z]+)", piece)} <= set(COMMANDS)


def test_the_page_has_the_tables_that_make_docs_writes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page)
