"""The text of PDF files: by a process with limits, whatever the file is."""

import subprocess
import sys
from pathlib import Path

import pytest

from mirror.core.search.page_text import PageText, Part
from mirror.store.search import pdf_text as module
from mirror.store.search.kinds import reads_pdf
from mirror.store.search.pdf_text import pdf_text


def pdf(text: str, title: str = "") -> bytes:
    """A PDF of one page."""
    stream = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET".encode()
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 %s >> >> >>"
        % font,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Title (%s) >>" % title.encode(),
    ]
    made = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size 6 /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(made)
    return made + b"xref\n0 6\n0000000000 65535 f \n" + table + trailer


def read(payload: bytes, folder: Path) -> PageText:
    place = folder / "file.pdf"
    place.write_bytes(payload)
    with place.open("rb") as file:
        found = pdf_text(file)
    assert found is not None
    return found


def run_instead(program: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> PageText | None:
    """What is read of a file if the process runs a program."""
    monkeypatch.setattr(module, "_PROGRAM", f"import os, signal, sys\n{program}")
    place = folder / "file.pdf"
    place.write_bytes(pdf("x"))
    with place.open("rb") as file:
        return pdf_text(file)


needs_pypdf = pytest.mark.skipif(not reads_pdf(), reason="pypdf is not installed (requirements-pdf.txt)")


@needs_pypdf
def test_a_pdf_has_a_title_and_a_text(tmp_path: Path) -> None:
    assert read(pdf("Hello birds", "The title"), tmp_path).lines == (
        (Part.TITLE, "The title"),
        (Part.BODY, "Hello birds"),
    )
    assert read(pdf("Hello birds"), tmp_path).lines == ((Part.BODY, "Hello birds"),)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no PDF",
        pdf("x")[:200],
        pdf("x").replace(b"/Kids [3 0 R]", b"/Kids [2 0 R]"),
        b"%PDF-1.4\n" + b"[" * 100_000,
    ],
    ids=["empty", "text", "cut", "circle", "deep"],
)
def test_a_file_that_is_no_pdf_has_no_text(payload: bytes, tmp_path: Path) -> None:
    assert read(payload, tmp_path).part(Part.BODY) == ""


ENDLESS = "from mirror.store.search import pdf_process as p; p.SECONDS = 1; p.limit()\nwhile True: pass"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits")
@pytest.mark.parametrize(
    "program",
    [
        f"import sys; sys.path[:] = sys.argv[2:]\nprint('T\\nbefore', flush=True)\n{ENDLESS}",
        "print('T\\nbefore', flush=True); os.kill(os.getpid(), signal.SIGSEGV)",
        "print('T\\nbefore', flush=True); os.abort()",
    ],
    ids=["endless", "crash", "abort"],
)
def test_a_process_that_takes_too_much_is_ended(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run_instead(program, tmp_path, monkeypatch)
    assert found == PageText(((Part.TITLE, "T"), (Part.BODY, "before")))


@needs_pypdf
def test_a_file_that_takes_all_memory_ends_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "sys.path[:] = sys.argv[2:]\nimport pypdf; from mirror.store.search import pdf_process as p\n"
        "pypdf.PdfReader = lambda *_, **__: bytes(1 << 40)\np.main(9)"
    )
    assert run_instead(program, tmp_path, monkeypatch) == PageText()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
@pytest.mark.parametrize(
    "program",
    ["os.kill(os.getpid(), signal.SIGKILL)", "os.kill(os.getpid(), signal.SIGINT)", "sys.exit(1)", "import nothing"],
)
def test_a_reading_that_was_cut_short_is_no_text(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_instead(f"print('T\\nbefore', flush=True)\n{program}", tmp_path, monkeypatch) is None


@pytest.mark.skipif(sys.platform == "win32", reason="there, the time is the only limit")
def test_a_process_that_gets_no_time_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    assert run_instead("signal.pause()", tmp_path, monkeypatch) is None


def test_a_process_that_cannot_be_started_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    assert run_instead("", tmp_path, monkeypatch) is None


@pytest.mark.skipif(sys.platform == "win32", reason="there are no sessions")
def test_the_process_is_in_a_session_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run_instead("print(); print(os.getsid(0) == os.getpid())", tmp_path, monkeypatch)
    assert found == PageText(((Part.BODY, "True"),))


@needs_pypdf
def test_the_process_limits_its_memory() -> None:
    program = (
        "from mirror.store.search import pdf_process as p; p.limit(); import resource as r; "
        "print(r.getrlimit(r.RLIMIT_AS) == (p.MEMORY, p.MEMORY), r.getrlimit(r.RLIMIT_CPU) == (p.SECONDS, p.SECONDS + 5))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
