"""The reader of a mirror is safe: the text of a server controls no terminal, is no markup of a report, and is never run.

Titles, texts, header values, media types, codings, robots.txt and URLs of the site contain what controls a terminal: ESC, CSI,
OSC 8 and 52, C1 controls, carriage returns, backspaces, and overrides of the text direction. They also contain markup that
would run.
"""

import ast
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest
from lxml import etree

from mirror.logs import Printable
from mirror.settings import TELNETCONSOLE_ENABLED
from mirror.terminal.console import exit_with_error, print_json, print_line, print_message
from mirror.terminal.printable import printable_lines
from tests.crawl.running import ROOT, mirror, scrapy
from tests.hostile.test_attacks import unprintable
from tests.site import HTML, Page, Site, serve
from tests.warm import Done

EVIL: Final = (
    "\x1b[31m\x1b]8;;http://evil.example/\x07x\x1b]52;c;ZXZpbA==\x07\x9b2J\x9d0;t\x9c\u202egnp.exe\u2066\r\b\x7f\x00"
)
MARKUP: Final = "</pre></li><script>document.title='run'</script><img src=x onerror=alert(1)>\"'&"
PATH: Final = "/e%1b%5b31m%c2%9b%e2%80%aex%0d"
HEADERS: Final = {
    "X-Robots-Tag": f"noarchive{EVIL.translate({0: None, 13: None})}".encode().decode("latin-1"),
    "Content-Type": HTML,
}


def site(text: str) -> Site:
    body = f"<title>{EVIL}{MARKUP}</title><h1>{text}{EVIL}</h1><p>{MARKUP}"
    found = Site().page("/", body, links=["/a", PATH, "/type", "/coding", "/gone", "/moved", "/kept"])
    found.page("/a", body, headers=HEADERS)
    found.page(PATH, f"{text}<pre>{EVIL}\n&lt;script&gt;{text}&lt;/script&gt;</pre>")
    found["/type"] = Page(200, {"Content-Type": "text/\x1b[31mx\x9b"}, b"x")
    found["/coding"] = Page(200, {"Content-Type": HTML, "Content-Encoding": "x\x1b[31m\x9b"}, b"x")
    found["/moved"] = Page(302, {"Location": "/a?\x1b[31m\x9b"})
    lines = (
        "User-agent: *\nDisallow: /kept\x1b[31m\x9b\u202e*\nDisallow: /k*t #\x1b[31m\x9b\u202e\nCrawl-delay: 0\x1b\n"
    )
    return found.file("/robots.txt", lines, "text/plain")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """Return the output of each command about the archive of such a site."""
    out = tmp_path_factory.mktemp("reader") / "out"
    settings = {"MIRROR_BACKOFF": "0.01", "RETRY_TIMES": "1", "LOG_LEVEL": "DEBUG"}
    done: dict[str, Done] = {}
    with serve(site("before")) as server:
        done["lines"] = mirror(f"{server.url}/", out, settings=settings | {"MIRROR_PROGRESS": "lines"})
        server.site = site("after")
        del server.site["/moved"]
        done["blocks"] = mirror(
            f"{server.url}/", out, "obey=noarchive", settings=settings | {"MIRROR_PROGRESS": "blocks"}
        )
        url = server.url
    place, report, statistics = str(out), out.parent / "report.html", out.parent / "statistics.html"
    for name, words in {
        "snapshots": [place],
        "snapshots --json": [place, "--json"],
        "diff": [place, "1", "2"],
        "diff --json": [place, "1", "2", "--json"],
        "diff --html": [place, "1", "2", "--html", str(report)],
        "why": [place, url + PATH],
        "why of a type": [place, f"{url}/type"],
        "why of a header": [place, f"{url}/a"],
        "why of a rule": [place, f"{url}/kept"],
        "why --json": [place, f"{url}/kept", "--json"],
        "log": [place, f"{url}/"],
        "log --patch": [place, url + PATH, "--patch"],
        "log --json": [place, f"{url}/", "--json"],
        "log of a redirect": [place, f"{url}/moved"],
        "show --text": [place, f"{url}{PATH}@1", "--text"],
        "show --text of a type": [place, f"{url}/type@1", "--text"],
        "show of nothing": [place, f"{url}/kept"],
        "links": [place, "--show", "all", "--by", "page"],
        **{
            f"links --format {form}": [place, "--format", form]
            for form in ("json", "csv", "html", "junit", "sarif", "markdown")
        },
        "stats": [place, "--snapshot", "1"],
        "stats --json": [place, "--json"],
        "stats --html": [place, "--snapshot", "1", "--html", str(statistics)],
        "verify": [place],
        "publish": [place],
        "checkout": [place, "1", str(out.parent / "one")],
        "prune": [place, "--keep", "last=1", "--dry-run"],
        "forget": [place, url + PATH],
    }.items():
        done[name] = scrapy(name.split()[0], *words)
    done["links of html"] = done["links --format html"]
    done["report"] = Done(0, report.read_text(encoding="utf-8"), "")
    done["statistics"] = Done(0, statistics.read_text(encoding="utf-8"), "")
    done["index"] = Done(0, (out / "index.html").read_text(encoding="utf-8"), "")
    return done


COMMANDS: Final = (
    *("lines", "blocks", "snapshots", "snapshots --json", "diff", "diff --json", "diff --html", "why", "why of a type"),
    *("why of a header", "why of a rule", "why --json", "verify", "publish", "checkout", "prune", "forget"),
    *(
        "log",
        "log --patch",
        "log --json",
        "log of a redirect",
        "show --text",
        "show --text of a type",
        "show of nothing",
    ),
    *("stats", "stats --json", "stats --html", "links"),
    *(f"links --format {form}" for form in ("json", "csv", "html", "junit", "sarif", "markdown")),
)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_prints_control_characters(runs: dict[str, Done], name: str) -> None:
    done = runs[name]
    assert done.stdout + done.stderr
    assert unprintable(done.stdout) == []
    assert unprintable(done.stderr) == []
    assert "Traceback" not in done.stderr


def test_the_commands_print_the_text_of_the_server(runs: dict[str, Done]) -> None:
    """Otherwise there would be nothing to strip."""
    assert "%1B%5B31m" in runs["lines"].stdout
    assert "Disallow: /k*t" in runs["why of a rule"].stdout
    assert "after" in runs["report"].stdout
    assert "+after" in runs["log --patch"].stdout
    assert "before" in runs["show --text"].stdout


@pytest.mark.parametrize("name", ["report", "statistics", "links of html", "index"])
def test_reports_escape_everything(runs: dict[str, Done], name: str) -> None:
    page = etree.fromstring(runs[name].stdout.encode(), etree.HTMLParser(encoding="utf-8"))
    assert page.xpath("//script | //img | //@onerror | //iframe") == []
    assert page.xpath("//svg") == [] or name == "statistics"
    hrefs = {str(href).partition(":")[0] for href in page.xpath("//@href") if not str(href).startswith("#")}
    assert hrefs <= {"http", "https"} or name == "index"
    assert not {"javascript", "data"} & hrefs


@pytest.mark.parametrize("name", ["report", "statistics", "links of html"])
def test_a_report_has_a_policy_against_scripts(runs: dict[str, Done], name: str) -> None:
    assert "Content-Security-Policy" in runs[name].stdout
    assert "default-src 'none'" in runs[name].stdout


def test_printed_text_keeps_its_line_breaks_only(capsys: pytest.CaptureFixture[str]) -> None:
    """The functions that print strip control characters, even if their caller forgets that a text is a server's."""
    print_message(f"Failed: {EVIL}\nOpen {EVIL}\n")
    print_line(EVIL)
    print_json({"title": EVIL})
    with pytest.raises(SystemExit):
        exit_with_error(EVIL, 2)
    printed = capsys.readouterr()
    assert unprintable(printed.out + printed.err) == []
    assert [line.partition(" ")[0] for line in printed.err.splitlines()] == ["Failed:", "Open", "websucker:"]


def test_a_log_record_keeps_its_line_breaks_only() -> None:
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, "%s\nsecond", (EVIL,), None)
    formatted = Printable(logging.Formatter("%(levelname)s: %(message)s")).format(record)
    assert formatted.startswith("WARNING: \N{REPLACEMENT CHARACTER}[31m")
    assert formatted.endswith("\nsecond")
    assert unprintable(formatted) == []
    assert printable_lines("plain\n") == "plain\n"


# --- memory --------------------------------------------------------------------------------------------------------------

MOST_MEMORY: Final = 64
"""How many times its size a document may take while it is read or rewritten, as SECURITY.md says."""

ALWAYS: Final = 32 << 20
"""Bytes that a document may take whatever its size: up to 100,000 elements are read as a tree."""

SIZE: Final = 1 << 19
SHAPES: Final[dict[str, tuple[str, str, str]]] = {
    # name -> beginning, what is repeated ({n} is another number each time), end
    "formatting elements that each paragraph opens again": ("", "<p><b><i>", ""),
    "many different ones": ("<p>" + "".join(f"<font a={n}>" for n in range(60)), "<p>x", ""),
    "formatting elements": ("", "<b>", ""),
    "links": ("", "<a href={n}>", ""),
    "attributes of one element": ("<p ", "a{n} ", ">"),
    "attributes of XML": ("<r ", "a{n}='x' ", "/>"),
}
MORE_SHAPES: Final[dict[str, tuple[str, str, str]]] = {
    "anchors": ("", "<a>", ""),
    "anchors around blocks": ("", "<a><div>", ""),
    "links in short": ("", "<a href=x>", ""),
    "empty elements": ("", "<br>", ""),
    "paragraphs": ("", "<p>", ""),
    "paragraphs in formatting elements": ("<b><i><u><s><em><tt><big>", "<p>", ""),
    "tables that move their content out": ("", "<table><b>", ""),
    "rows": ("<table>", "<tr><td>x", ""),
    "options": ("<select>", "<option>", ""),
    "SVG in SVG": ("", "<svg>", ""),
    "shapes": ("<svg>", "<g/>", "</svg>"),
    "templates": ("", "<template>", ""),
    "attributes without a value": ("", "<p a b c d>", ""),
    "misnested tags": ("", "<b></p>", ""),
    "comments": ("", "<!---->", ""),
    "pictures": ("", "<img src={n}>", ""),
    "srcset": ("<img srcset='", "{n} 1x,", "'>"),
    "URLs of a style": ("<style>", "url({n})", "</style>"),
    "styles": ("", "<p style='background:url({n})'>", ""),
    "lines": ("", "\n", "<p>"),
    "elements of XML": ("<r>", "<a/>", "</r>"),
    "nested elements of XML": ("", "<a>", ""),
    "texts of XML": ("<r>", "<a>x</a>", "</r>"),
    "links of XML": ("<svg xmlns='http://www.w3.org/2000/svg'>", "<image href='{n}'/>", "</svg>"),
}
MEASURE: Final = """
import json, os, sys
from mirror.core.document.documents import find_references, local_copy, robots_directives
from mirror.core.http.messages import Response

def highest():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))

def document(payload):
    kind = "image/svg+xml" if payload.startswith((b"<r", b"<svg xmlns", b"<a>")) else "text/html"
    return Response("http://h/", 200, [("Content-Type", kind)], payload), kind

USES = (
    lambda answer, kind: find_references(answer),
    lambda answer, kind: local_copy(answer, kind, "index.html", lambda url: None),
    lambda answer, kind: robots_directives(answer, "2020-01-01T00:00:00+00:00"),
)
for use in USES:
    use(*document(b"<p><a href=x>"))
begin, repeated, end, size = json.load(sys.stdin)
many = size // len(repeated)
payload = (begin + "".join(repeated.replace("{n}", str(n)) for n in range(many)) + end).encode()
for use in USES:
    reader, writer = os.pipe()
    if os.fork() == 0:
        before = highest()
        use(*document(payload))
        os.write(writer, str(highest() - before).encode())
        os._exit(0)
    os.close(writer)
    print(len(payload), int(os.read(reader, 100) or -1), flush=True)
    os.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux reports it")
@pytest.mark.parametrize(
    "shape",
    [
        *(pytest.param(shape, id=name) for name, shape in SHAPES.items()),
        *(pytest.param(shape, id=name, marks=pytest.mark.long) for name, shape in MORE_SHAPES.items()),
    ],
)
def test_a_document_takes_no_more_memory_than_promised(shape: tuple[str, str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        input=json.dumps([*shape, SIZE]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
        check=True,
    )
    found = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(found) == 3
    assert all(0 <= taken < ALWAYS + MOST_MEMORY * size for size, taken in found), found


def test_security_md_says_how_much_memory_a_document_takes() -> None:
    assert f"up to {MOST_MEMORY} times its size" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")


RUNS: Final = frozenset(
    {
        *(
            "eval",
            "exec",
            "compile",
            "__import__",
            "system",
            "popen",
            "Popen",
            "call",
            "check_call",
            "check_output",
            "getoutput",
        ),
        *(
            "execv",
            "execve",
            "execvp",
            "execl",
            "spawnv",
            "spawnl",
            "startfile",
            "create_subprocess_shell",
            "subprocess_shell",
        ),
        *(
            "create_subprocess_exec",
            "subprocess_exec",
            "import_module",
            "resolve_name",
            "load_object",
            "loads",
            "Unpickler",
        ),
    }
)
"""Functions that run something, or could run the text of a server."""

ALLOWED: Final = {
    ("processes.py", "Popen"): "our own interpreter with our own module",
    ("check.py", "Popen"): "our own program, with the options of the user",
    ("pool.py", "loads"): "messages of a worker process, through its pipe",
    ("worker_process.py", "loads"): "messages of the crawl to its worker, through that pipe, and the worker's own",
    ("guarded.py", "execv"): "this program again, with the same arguments and UTF-8 names of files",
    ("displays.py", "resolve_name"): "MIRROR_REPORTHOOK, which the user sets",
    ("pacing.py", "load_object"): "names of exceptions in the settings",
    ("command_table.py", "import_module"): "the module of a command of the table",
}


def calls() -> Iterator[tuple[str, str, str]]:
    """Yield each call of a function in `RUNS`: the file, the function, and what it is called on."""
    for path in sorted((ROOT / "mirror").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                function = node.func
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                on = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
                if name in RUNS and (name, on) not in {("compile", "re"), ("loads", "json")}:
                    yield path.name, name, on


SPEAKS: Final = {
    "console.py": "tell, say",
    "displays.py": "the displays",
    "__main__.py": "lines of its own",
    **dict.fromkeys(("command_line.py", "help.py"), "the help"),
    **dict.fromkeys(("completion.py", "man.py"), "files of the package"),
}


def test_few_modules_print() -> None:
    """Other ways to print would print the text of a server as it is."""
    found = set()
    for path in sorted((ROOT / "mirror").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", *WRITES}:
                found.add(path.name)
    assert found == set(SPEAKS)


WRITES: Final = {
    f"sys.{stream}.{name}" for stream in ("stdout", "stderr") for name in ("write", "writelines", "buffer.write")
}


def test_only_our_own_code_is_run() -> None:
    assert {(file, name) for file, name, _ in calls()} == set(ALLOWED)


def test_no_shell_is_used() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "mirror").rglob("*.py")}
    assert not any("shell=True" in text for text in texts.values())
    starts = {name for name, text in texts.items() if "import subprocess" in text}
    assert starts == {
        *("version.py", "processes.py"),  # `chromium --version`; worker processes
        *("check.py", "pdf_text.py"),  # our own crawl; a process for each PDF
    }


def test_a_crawl_has_no_console_for_others() -> None:
    assert TELNETCONSOLE_ENABLED is False


def test_reliability_md_names_each_attack() -> None:
    from tests.hostile.attacks import ATTACKS  # noqa: PLC0415

    text = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    assert [name for name in ATTACKS if name not in text] == []
