"""Sites without an end, and honest sites that look like them.

`TRAPS` and `HONEST` are the tables. A site is a function from a path with its query to (title, text, links), or to `None` if
there is no page; `Endless` serves it. The texts are random words, always the same for a path.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from random import Random
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from tests.site import HTML, NOT_FOUND, Page, Site, spelled

Content = tuple[str, str, list[str]]
Answer = Callable[[str], "Content | None"]
MONTHS: Final = tuple(date(2000, month, 1).strftime("%B") for month in range(1, 13))
ARTICLES: Final = tuple(f"/article/{n}" for n in range(1, 31))
NAVIGATION: Final = ("/", "/about", "/articles")
_SYLLABLES: Final = tuple(f"{first}{second}" for first, second in zip("bcdfghjklmnpqrstvwxz", "aeiou" * 4, strict=True))


def prose(seed: str, number: int = 60) -> str:
    """Return random words, always the same for a seed."""
    chance = Random(seed)
    return " ".join("".join(chance.choices(_SYLLABLES, k=chance.randint(2, 5))) for _ in range(number))


class Endless(Site):
    """A site whose pages are computed."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    def get(self, path: str, default: Any = NOT_FOUND) -> Any:
        content = self._answer(path)
        if content is None:
            return default
        title, text, links = content
        anchors = "".join(f'<li><a href="{escape(link)}">{escape(link)}</a>\n' for link in links)
        name = escape(title)
        html = f"<!DOCTYPE html>\n<title>{name}</title>\n<h1>{name}</h1>\n<p>{text}</p>\n<ul>\n{anchors}</ul>\n"
        return Page(200, {"Content-Type": HTML}, html.encode())


def walk(answer: Answer, start: str = "/") -> set[str]:
    """Return all paths of a site that has an end. Its links have to be absolute paths."""
    seen, waiting = {start}, [start]
    while waiting:
        content = answer(waiting.pop())
        for link in content[2] if content else ():
            path = spelled(link.encode())
            if path not in seen:
                seen.add(path)
                waiting.append(path)
    return {path for path in seen if answer(path)}


# --- the honest part of each trap -----------------------------------------------------------------------------------------


def with_articles(trap: Answer, entrance: str) -> Answer:
    """Return a site of thirty articles in which each page also links to the trap."""

    def answer(path: str) -> Content | None:
        if path == "/":
            return "Home", prose(path), [*NAVIGATION, entrance]
        if path == "/about":
            return "About", prose(path), [*NAVIGATION, entrance]
        if path == "/articles":
            return "Articles", prose(path), [*NAVIGATION, *ARTICLES, entrance]
        if path in ARTICLES:
            return path, prose(path), [*NAVIGATION, entrance]
        return ("Login", "Who are you?", ["/"]) if path.startswith("/login?") else trap(path)

    return answer


# --- traps ----------------------------------------------------------------------------------------------------------------


def calendar(path: str) -> Content | None:
    """A month links to the months around it and to its days, for all years."""
    parts = path.split("/")
    if len(parts) < 4 or parts[1] != "calendar" or not all(part.isdecimal() for part in parts[2:]):
        return None
    year, month = int(parts[2]), int(parts[3])
    if not 0 < month < 13:
        return None
    around = [divmod(year * 12 + month - 1 + step, 12) for step in (-1, 1)]
    links = [f"/calendar/{y:04}/{m + 1:02}" for y, m in around] + [f"/login?next={path}", "/"]
    if len(parts) == 5:
        return f"{parts[4]} {MONTHS[month - 1]} {year}", "There are no events on this day.", links
    links += [f"{path}/{day:02}" for day in range(1, 29)]
    return f"{MONTHS[month - 1]} {year}", "Mo Tu We Th Fr Sa Su " + " ".join(map(str, range(1, 29))), links


def calendar_query(path: str) -> Content | None:
    """The same with parameters. The page has the time at which it was made."""
    if not path.startswith("/events?"):
        return None
    words = dict(parse_qsl(path.partition("?")[2]))
    at = int(words["year"]) * 12 + int(words["month"]) - 1
    links = [f"/events?year={(at + step) // 12}&month={(at + step) % 12 + 1}" for step in (-1, 1)]
    links += [f"/events?year={at // 12}&month={at % 12 + 1}&view={view}" for view in ("week", "list")]
    made = f"<footer>{path_number(path) % 24}:12:40, in 0.{path_number(path) % 8999 + 1000} s"
    return f"{MONTHS[at % 12]} {at // 12}", "No events." + made, [*links, "/"]


def path_number(path: str) -> int:
    return Random(path).randrange(10**6)


COLORS: Final = ("red", "green", "blue", "black", "white", "grey")
FILTERS: Final = {
    "brand": ("ata", "bebe", "cici", "dodo", "efef"),
    "color": COLORS,
    "fit": ("slim", "wide", "loose"),
    "material": ("wool", "silk", "linen", "cotton"),
    "price": ("low", "middle", "high"),
    "size": ("xs", "s", "m", "l", "xl"),
    "sort": ("new", "cheap", "dear", "name"),
}
GOODS: Final = tuple(prose(f"good {n}", 3) for n in range(40))


def facets(path: str) -> Content | None:
    """Seven filters of about four values: a hundred thousand lists of forty goods."""
    if path.startswith("/good/"):
        return path, prose(path), ["/", "/shop"]
    before, _, query = path.partition("?")
    if before != "/shop":
        return None
    return shop(path, query, FILTERS)


def shop(path: str, query: str, filters: dict[str, tuple[str, ...]]) -> Content:
    chosen = dict(parse_qsl(query))
    shown = [n for n in range(len(GOODS)) if Random(f"{n} {sorted(chosen.items())}").random() < 0.8 ** len(chosen)]
    Random(path).shuffle(shown)
    links = [f"/good/{n}" for n in shown]
    more = [chosen | {name: value} for name, values in filters.items() for value in values]
    links += ["/shop?" + urlencode(sorted(words.items())) for words in more]
    listed = "".join(f"<li>{GOODS[n]}" for n in shown)
    return "Shop", f"{len(shown)} of {len(GOODS)} goods<ul>{listed}</ul>", [*links, "/"]


def sessions(path: str) -> Content | None:
    """Each page gives each of its links a new session id."""
    before = path.partition("?")[0]
    if not before.startswith("/s/") or not before[3:].isdecimal() or int(before[3:]) >= 40:
        return None
    number = f"{Random(path + str(time.perf_counter_ns())).getrandbits(128):032x}"
    return before, prose(before), [f"/s/{n}?PHPSESSID={number}" for n in range(40)]


def repeated(path: str) -> Content | None:
    """A link to `docs/guide/` that should be `/docs/guide/`."""
    if not path.startswith("/docs/guide/") or path.strip("/").replace("docs/guide", "").strip("/"):
        return None
    return "Guide", prose("guide"), ["docs/guide/", "/"]


def deeper(path: str) -> Content | None:
    """Each folder links to another folder."""
    if not path.startswith("/deep/"):
        return None
    depth = path.count("/")
    return (
        "Folder",
        "Parent folder, next folder",
        [f"{_SYLLABLES[depth * 7 % 20]}{_SYLLABLES[depth * 3 % 19]}{depth % 23}/", "/"],
    )


def pagination(path: str) -> Content | None:
    """A list has an end, but its links go on after it."""
    before, _, query = path.partition("?page=")
    if before != "/list" or (query and not query.isdecimal()):
        return None
    page = int(query or 1)
    text = prose(path) if page <= 20 else "No results."
    return f"List, page {page}", text, [f"/list?page={page + 1}", f"/list?page={page + 2}", "/"]


def soft_404(path: str) -> Content | None:
    """Each URL has a page that says that there is none, and links to more pages with random names."""
    links = [f"/x/{prose(path + str(n), 1)}" for n in range(3)]
    return (
        ("Oops", f"We could not find {path}. Maybe you like these:", [*links, "/"]) if path.startswith("/x/") else None
    )


def tarpit(path: str) -> Content | None:
    """Each URL has a page of random words, as tarpits for crawlers do. Only a probe can detect it."""
    if not path.startswith("/maze/"):
        return None
    return (
        prose(path, 3).title(),
        prose(path),
        [f"/maze/{prose(f'{path} {n}', 2).replace(' ', '/')}" for n in range(6)] + ["/"],
    )


def twins(path: str) -> Content | None:
    """The same page under each number."""
    if not path.startswith("/twin/") or not path[6:].isdecimal():
        return None
    number = int(path[6:])
    return "Welcome", "This is the page.", [f"/twin/{number * 2}", f"/twin/{number * 2 + 1}", "/"]


# --- honest sites ---------------------------------------------------------------------------------------------------------


def archive(path: str) -> Content | None:
    """A blog with a page for each month and a post in each third month. A month links only to the months around it."""
    months = [f"/{year}/{month:02}/" for year in range(2001, 2027) for month in range(1, 13)]
    if path == "/":
        return "Blog", prose(path), [months[-1]]
    if path in months:
        at = months.index(path)
        links = months[max(0, at - 1) : at] + months[at + 1 : at + 2]
        posts = [f"{path}{prose(path, 1)}"] if at % 3 == 0 else []
        return f"{MONTHS[at % 12]} {at // 12 + 2001}", f"{len(posts)} posts", [*links, *posts, "/"]
    month = path.rpartition("/")[0] + "/"
    if month in months and months.index(month) % 3 == 0 and path == f"{month}{prose(month, 1)}":
        return "Post", prose(path), [month]
    return None


def catalogue(path: str) -> Content | None:
    """3,000 entries by number in lists of fifty. An entry has only its number, and links to its neighbours."""
    number = path.partition("=")[2]
    if path == "/":
        return "Catalogue", "Welcome", ["/list?page=1"]
    if path.startswith("/list?page=") and number.isdecimal() and 1 <= int(number) <= 60:
        page = int(number)
        links = [f"/entry?id={n}" for n in range(page * 50 - 49, page * 50 + 1)]
        return f"Page {page}", "Fifty entries", links + ([f"/list?page={page + 1}"] if page < 60 else [])
    if path.startswith("/entry?id=") and number.isdecimal() and 1 <= int(number) <= 3000:
        return (
            f"Entry {number}",
            "An entry",
            [f"/entry?id={n}" for n in (int(number) - 1, int(number) + 1) if 1 <= n <= 3000],
        )
    return None


def forum(path: str) -> Content | None:
    """A list of 400 pages, each with a topic that has two pages."""
    words = dict(parse_qsl(path.partition("?")[2]))
    if path == "/":
        return "Forum", "Welcome", ["/forum?f=1&page=1"]
    if path == f"/forum?f=1&page={words.get('page')}" and 1 <= int(words["page"]) <= 400:
        page = int(words["page"])
        links = [f"/topic?f=1&t={page}"] + ([f"/forum?f=1&page={page + 1}"] if page < 400 else [])
        return f"Page {page}", "Topics", links
    if words.get("t", "").isdecimal() and path in {f"/topic?f=1&t={words['t']}", f"/topic?f=1&t={words['t']}&start=20"}:
        return "Topic", prose(path, 30), [f"/topic?f=1&t={words['t']}&start=20", "/"]
    return None


def reference(path: str) -> Content | None:
    """Nested folders of the same names: `/en/api/en/api/`, up to eight deep, with two in each."""
    segments = path.strip("/").split("/") if path != "/" else []
    if len(segments) > 8 or any(segment not in {"en", "api"} for segment in segments):
        return None
    links = [f"{path.rstrip('/')}/{name}/" for name in ("en", "api")] if len(segments) < 8 else []
    return path, prose(path, 20), [*links, "/"] if path != "/" else links


def folders(path: str) -> Content | None:
    """Three chains of forty folders. Each folder contains only the next one, and the last one a file."""
    if path == "/":
        return "Index", "Index of /", [f"/{name}/" for name in "abc"]
    name = path[1:2]
    way = "".join(f"{prose(f'{name}{n}', 1)}/" for n in range(40))
    if path.startswith(f"/{name}/") and f"{way}readme.html".startswith(path[3:]):
        if path.endswith("readme.html"):
            return "Readme", prose(path), ["/"]
        following = way[len(path) - 3 :].partition("/")[0]
        return f"Index of {path}", "Name Size", [f"{path}{following}/" if following else f"{path}readme.html"]
    return None


def small_shop(path: str) -> Content | None:
    """Five filters of three values or none: 1,024 lists."""
    filters = {name: FILTERS[name][:3] for name in ("brand", "color", "fit", "price", "size")}
    before, _, query = path.partition("?")
    if path.startswith("/good/"):
        return path, prose(path), ["/"]
    if path == "/":
        return "Home", "Welcome", ["/shop"]
    return shop(path, query, filters) if before == "/shop" else None


def placeholders(path: str) -> Content | None:
    """300 pages that say `Coming soon`, each with a link to the next one."""
    if path == "/":
        return "Home", "Welcome", ["/soon/1"]
    number = int(path[6:]) if path.startswith("/soon/") and path[6:].isdecimal() else 0
    return ("Soon", "Coming soon", [f"/soon/{number + 1}"] if number < 300 else []) if 1 <= number <= 300 else None


def application(path: str) -> Content | None:
    """A host that answers each URL with the same shell, which has the same 400 links."""
    return "App", "Loading...", [f"/view/{n}" for n in range(200)] + [f"/items/{n}/detail" for n in range(200)]


def puzzles(path: str) -> Content | None:
    """700 puzzles that consist of digits, each with a link to the next one."""
    if path == "/":
        return "Puzzles", "Welcome", ["/puzzle/1"]
    number = int(path[8:]) if path.startswith("/puzzle/") and path[8:].isdecimal() else 0
    if not 1 <= number <= 700:
        return None
    digits = " ".join(Random(number).choices("123456789", k=81))
    return "Puzzle", digits, [f"/puzzle/{number + 1}"] if number < 700 else []


def diary(path: str) -> Content | None:
    """800 days, each with a link to the next one. Most of them have only one line."""
    first = date(2020, 1, 1)
    if path == "/":
        return "Diary", "Welcome", [f"/day?date={first}"]
    try:
        day = date.fromisoformat(path.removeprefix("/day?date="))
    except ValueError:
        return None
    if not first <= day < first + timedelta(800):
        return None
    text = prose(path, 8) if day.day % 9 == 0 else "Nothing happened."
    last = day + timedelta(1) == first + timedelta(800)
    return f"{day:%A, %d %B}", text, [] if last else [f"/day?date={day + timedelta(1)}"]


@dataclass(frozen=True, slots=True)
class Row:
    """A trap.

    `entrance` is the URL that leads into it. `rule` is the name of the rule that ends it; `None` if it ends without one. `most`
    is how many of its URLs may be asked for. It is about twice the usual number, because the order of answers varies.
    `settings` lower the budgets, because the defaults take a while.
    """

    answer: Answer
    entrance: str
    rule: str | None
    most: int
    settings: dict[str, str]

    @property
    def site(self) -> Answer:
        return with_articles(self.answer, self.entrance)


def low(**budgets: int) -> dict[str, str]:
    return {f"MIRROR_TRAP_{name.upper()}": str(number) for name, number in budgets.items()}


TRAPS: Final = {
    "calendar": Row(calendar, "/calendar/2026/11", "calendar", 3000, low(calendar=15)),
    "calendar by query": Row(calendar_query, "/events?year=2026&month=11", "calendar", 1000, low(calendar=100)),
    "facets": Row(facets, "/shop", "combinations of a query", 3000, low(facets=100)),
    "sessions": Row(sessions, "/s/0", None, 40 + 2, {}),
    "repeated segments": Row(repeated, "/docs/guide/", "repeated path segments", 60, {}),
    "deeper": Row(deeper, "/deep/", "ever deeper paths", 300, {}),
    "pagination": Row(pagination, "/list", "pages by number", 400, low(pages=100)),
    "soft 404": Row(soft_404, "/x/a", "pages that say the same", 1000, low(same=200)),
    "tarpit": Row(tarpit, "/maze/a", "pages for whatever is asked", 600, low(world=500)),
    "twins": Row(twins, "/twin/1", "pages by number", 400, low(pages=100)),
}
HONEST: Final = {
    "the archive of a blog": archive,
    "a catalogue": catalogue,
    "a forum": forum,
    "documentation": reference,
    "folders": folders,
    "a shop": small_shop,
    "placeholders": placeholders,
    "an application": application,
    "puzzles": puzzles,
    "a diary": diary,
}
