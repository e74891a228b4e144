"""Hostile servers: nothing is written outside, memory and time are limited, the crawl goes on, and the manifest records the
reasons.

The rows of `attacks.ATTACKS` are starts of one crawl, so that each row also shows that it does not harm the others. Rows that
take seconds are in a second crawl, and rows that end by a timeout in a third. The other crawls have long timeouts, so that no
row ends by one unnoticed. The sites count as the internet, so they must not lead to this machine.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from benchmarks.suite.measure import Cost
from benchmarks.suite.measure import run as measured
from tests.crawl.running import ROOT, SCRAPY, rows, scrapy
from tests.hostile.attacks import ATTACKS, HONEST, TOKEN, Attack, Seen, World, plant, world
from tests.marks import some_long

PUBLIC: Final = "127.0.0.2/31"

SETTINGS: Final = {
    "MIRROR_PUBLIC_NETWORKS": PUBLIC,
    "MIRROR_ENDLESS_SIZE": str(24 << 20),  # more than the decoder lets through of a compression bomb
    "MIRROR_BACKOFF": "0.05",
    "MIRROR_MOST_FAILURES": "12",  # a row breaks many connections, each to show one thing
    "RETRY_TIMES": "1",
    "MIRROR_PROGRESS": "lines",
}
TIMEOUTS: Final = {"light": 60, "heavy": 60, "silent": 3}
"""Seconds of silence after which a request fails."""

PATIENCE: Final = 400
"""Seconds after which a run counts as endless, on a busy machine."""

MEMORY: Final = {"light": 512 << 20, "heavy": 1 << 30, "silent": 512 << 20}
"""The most memory of the processes of a run, in bytes."""

MANY: Final = 300_000
"""Links of a page, which are more than are followed."""


def cost(attack: Attack) -> str:
    return "heavy" if attack.heavy else "silent" if attack.silent else "light"


COSTS: Final = {name: [one for one in ATTACKS.values() if cost(one) == name and not one.alone] for name in TIMEOUTS}


@dataclass(frozen=True)
class Outcome:
    """The result of a crawl of many attacks."""

    world: World
    copy: Path
    cost: Cost
    output: str
    reasons: list[tuple[str, str]]
    """Pairs of a URL and the manifest's reason why it is not in the copy."""

    def seen(self, attack: Attack) -> Seen:
        return self.world.seen(attack.name, self.copy, alone=False)

    def reasons_of_paths(self, attack: Attack, paths: Mapping[str, str]) -> dict[str, str]:
        """Return the reasons for these paths of the site of a row."""
        reasons = {url: why for url, why in self.reasons if url.startswith(self.world.servers[attack.name].url)}
        return {path: reasons[f"{self.world.servers[attack.name].url}/{path}"] for path in paths}

    def reasons_of(self, attack: Attack) -> list[str]:
        """Return the reasons for all URLs that the pages of a row lead to, on any host."""
        port = self.world.starts[attack.name].rpartition(":")[2].rstrip("/")
        urls = {url for url, _ in self.reasons if f":{port}/" in url}
        led = rows(
            self.copy,
            "SELECT DISTINCT t.url FROM links JOIN resources r ON r.id = links.resource_id JOIN urls s ON s.id = r.url_id "
            f"JOIN urls t ON t.id = links.target_id WHERE s.url LIKE '%:{port}/%'",
        )
        urls |= {str(url) for (url,) in led}
        return [why for url, why in self.reasons if url in urls]


def attacked(root: Path, kind: str) -> Iterator[Outcome]:
    root.mkdir()
    attacks = COSTS[kind]
    with world(attacks, root, many=MANY) as playing:
        copy, output = root / "copy", root.parent / "output"
        for attack in attacks:
            plant(attack, root, copy, playing.servers[attack.name].port)
        starts = root.parent / "starts"
        starts.write_text("\n".join(playing.starts.values()))
        words = [
            f"start=@{starts}",
            f"out={copy}",
            f"timeout={TIMEOUTS[kind]}",
            "workers=1",
            "connections=32",
            "proxy=none",
            "render=never",
        ]
        words.append(f"header={TOKEN}")
        command = [*SCRAPY, "crawl", "mirror", *(part for word in words for part in ("-a", word))]
        command += [part for name, value in SETTINGS.items() for part in ("-s", f"{name}={value}")]
        cost = measured(command, ROOT, output, PATIENCE)
        reasons = rows(
            copy,
            "SELECT url, coalesce(reason, '') || ' ' || coalesce(error, '') FROM urls "
            "LEFT JOIN frontier ON frontier.url_id = urls.id LEFT JOIN resources ON resources.url_id = urls.id",
        )
        text = output.read_text(encoding="utf-8", errors="surrogateescape")
        yield Outcome(playing, copy, cost, text, [(str(url), str(why)) for url, why in reasons])


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    yield from attacked(tmp_path_factory.mktemp("light") / "around", "light")


@pytest.fixture(scope="session")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    yield from attacked(tmp_path_factory.mktemp("heavy") / "around", "heavy")


@pytest.fixture(scope="session")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    yield from attacked(tmp_path_factory.mktemp("silent") / "around", "silent")


@pytest.fixture
def outcome(request: pytest.FixtureRequest, attack: Attack) -> Outcome:
    found: Outcome = request.getfixturevalue(cost(attack))
    return found


@pytest.mark.parametrize(
    "attack",
    some_long((attack for attacks in COSTS.values() for attack in attacks), COSTS["heavy"]),
    ids=str,
)
def test_an_attack_does_no_harm(outcome: Outcome, attack: Attack) -> None:
    seen = outcome.seen(attack)
    assert attack.harm(seen) == ""
    assert HONEST.encode() in seen.data, "the rest of the site is there"
    if isinstance(attack.reasons, Mapping):
        reasons = outcome.reasons_of_paths(attack, attack.reasons)
        assert {path: why for path, why in reasons.items() if not re.search(attack.reasons[path], why)} == {}
    elif attack.reasons:
        assert [why for why in outcome.reasons_of(attack) if re.search(attack.reasons, why)], outcome.reasons_of(attack)


@pytest.mark.parametrize("kind", ["light", "silent", pytest.param("heavy", marks=pytest.mark.long)])
def test_a_crawl_of_attacks_ends_as_any_crawl(request: pytest.FixtureRequest, kind: str) -> None:
    outcome: Outcome = request.getfixturevalue(kind)
    assert outcome.cost.ended == "1", outcome.output[-2000:]
    assert outcome.cost.memory < MEMORY[kind]
    assert "Traceback" not in outcome.output
    assert outcome.world.victim.requests == []
    assert unprintable(outcome.output) == []
    verified = scrapy("verify", str(outcome.copy))
    assert verified.code == 0, verified.stdout


def test_nothing_around_the_copy_was_touched(light: Outcome) -> None:
    assert light.seen(next(iter(ATTACKS.values()))).outside == []
    port = light.world.servers["a symbolic link in the place of a file"].port
    assert not (light.copy / f"127.0.0.2_{port}" / "planted.html").is_symlink(), "the page stands there now"


def unprintable(text: str) -> list[str]:
    """Return the characters of a text that may control a terminal."""
    return sorted({ascii(c) for c in text if not c.isprintable() and c != "\n"})
