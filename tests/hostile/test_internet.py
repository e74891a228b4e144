"""A start on the internet, and names that resolve to private addresses, in a network namespace without a connection."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.crawl.running import rows, run

FORBIDDEN = "at an address that is not on the internet"


def mirrored(folder: Path, *words: str) -> dict[str, Any]:
    namespaces = ("unshare", "--map-root-user", "--net", "--mount")
    done = run(*namespaces, sys.executable, "-m", "tests.hostile.internet", str(folder), *words)
    assert done.code == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def reasons_of(copy: Path) -> dict[str, str]:
    """Return URL -> the reason why it was not fetched."""
    found = rows(copy, "SELECT url, reason FROM frontier JOIN urls ON urls.id = url_id WHERE reason IS NOT NULL")
    return {str(url): str(reason) for url, reason in found}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("internet")
    return folder / "copy", mirrored(folder)


def test_no_name_leads_to_this_machine_its_network_or_metadata(guarded: tuple[Path, dict[str, Any]]) -> None:
    copy, result = guarded
    assert result["victims"] == {"127.0.0.1": [], "10.0.0.1": [], "169.254.169.254": []}
    reasons = reasons_of(copy)
    for name in ("inner", "ten", "metadata"):
        assert reasons[f"http://{name}.example/i.png"] == FORBIDDEN
    assert "/page" in result["site"]
    assert "Traceback" not in result["output"]


def test_requests_are_for_the_mirror_only(guarded: tuple[Path, dict[str, Any]]) -> None:
    """Nothing asks for the address of another host: not for a suffix list, nor to look for updates."""
    _, result = guarded
    names = {
        name for name in result["names"] if not name.endswith(".in-addr.arpa")
    }  # those are asked by the test's servers
    assert names == {f"{name}.example" for name in ("site", "inner", "ten", "metadata", "both", "rebound")}


def test_a_name_that_resolves_to_another_address_later_is_not_followed_there(
    guarded: tuple[Path, dict[str, Any]],
) -> None:
    copy, result = guarded
    found = {why for url, why in reasons_of(copy).items() if "rebound" in url}
    assert result["victims"]["127.0.0.1"] == []
    assert found == {FORBIDDEN}
    assert result["site"].count("/robots.txt") > 1, "the first query returned another address"


def test_the_next_address_of_a_name_is_not_connected_to_either(guarded: tuple[Path, dict[str, Any]]) -> None:
    copy, result = guarded
    assert result["victims"]["127.0.0.1"] == []
    ((state,),) = rows(
        copy, "SELECT state FROM frontier JOIN urls ON urls.id = url_id WHERE url = 'http://both.example/i.png'"
    )
    assert state in {2, 3}, "it failed or was skipped, because the system decides which address is tried first"


def test_the_user_may_allow_private_addresses(tmp_path: Path) -> None:
    result = mirrored(tmp_path, "private=1")
    assert {"/i.png"} <= set(result["victims"]["127.0.0.1"])
    assert {"/i.png"} <= set(result["victims"]["10.0.0.1"])
    assert FORBIDDEN not in result["output"]
