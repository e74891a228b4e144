"""What plainly is a URL in attributes of which no standard says so; and what is none."""

import pytest

from mirror.core.document import documents
from mirror.core.document import references as refs
from mirror.core.document.guesses import media_spans
from mirror.core.document.link_rewriter import rewrite
from mirror.core.document.replacements import Rewriter
from mirror.core.syntax import embedded_urls
from mirror.core.syntax.reference import Kind
from mirror.core.url.media_types import Document
from tests.core.document.test_documents import copied, found, response
from tests.core.document.test_references import URL

P, R, F = Kind.PAGE, Kind.REQUISITE, Kind.FRAME
GUESS = True


def read(text: str) -> list[tuple[str, Kind, bool]]:
    return [
        (ref.url.removeprefix("http://h"), ref.kind, ref.guess) for ref in refs.references(Document.HTML, text, URL)
    ]


@pytest.mark.parametrize(
    ("value", "urls"),
    [
        ("/a.jpg", ["/a.jpg"]),
        (" a/b.PNG?v=1 ", ["a/b.PNG?v=1"]),
        ("https://cdn.example/v.mp4", ["https://cdn.example/v.mp4"]),
        ("a.jpg 1x, b.jpg 2x", ["a.jpg", "b.jpg"]),
        ("w_200,h_100/a.webp 200w,\n b.webp 400w", ["w_200,h_100/a.webp", "b.webp"]),
        ("a.jpg 300w [(min-width: 40em)] | b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg (min-width: 40em) and (max-width: 50em)", ["a.jpg"]),
        ("", []),
        ("a.js", []),
        ("example.org", []),
        ("see a.jpg", []),
        ("a.jpg is a picture", []),
        ('{"src": "a.jpg"}', []),
        ("data:image/png;base64,AA.png", []),
        ("<img src=a.jpg>", []),
        (".jpg", []),
        ("javascript:a.jpg", []),
    ],
)
def test_a_value_is_a_picture_or_a_list_of_them(value: str, urls: list[str]) -> None:
    spans = list(media_spans(value, R))
    assert [span.url for span in spans] == urls == [value[span.start : span.end] for span in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            (f"<i data-{name}=/x.jpg>", [("/x.jpg", R, GUESS)])
            for name in ("full-src", "large_image", "zoom-image", "imglg")
        ),
        ("<i data-bgset='/x.jpg 1x | /y.jpg'>", [("/x.jpg", R, GUESS), ("/y.jpg", R, GUESS)]),
        ("<i data-x=/x.html data-y=/y data-title='a.b'>", []),
        # custom elements
        ("<model-viewer src=/x.glb poster=/x.webp>", [("/x.glb", R, False), ("/x.webp", R, False)]),
        ("<lottie-player src=//o/x.json>", [("http://o/x.json", R, False)]),
        ("<turbo-frame src=/x>", [("/x", F, GUESS)]),
        ("<amp-img src=/x srcset='/y 2x'>", [("/x", R, False), ("/y", R, False)]),
        ("<my-link href=/x><my-link href=star><my-link href=x.html>", [("/x", P, GUESS), ("/d/x.html", P, GUESS)]),
        ("<nav src=/x href=/y poster=/z>", []),
        # old objects
        ("<object><param name=Movie value=/x.swf><param name=bgcolor value=/y></object>", [("/x.swf", R, False)]),
        (
            "<applet codebase=/b code=A.class archive='x.jar, /y.jar'>",
            [
                ("/b/A.class", R, False),
                ("/b/x.jar", R, False),
                ("/y.jar", R, False),
            ],
        ),
        (
            "<object codebase=b/ data=x.swf archive='y.jar http://o/z.jar'>",
            [
                ("/d/b/x.swf", F, False),
                ("/d/b/y.jar", R, False),
                ("http://o/z.jar", R, False),
            ],
        ),
        # scripts
        ("<script data-main=s/x src=/r.js></script>", [("/d/s/x.js", R, GUESS), ("/r.js", R, False)]),
        ("<script data-main=s/x.js></script>", [("/d/s/x.js", R, GUESS)]),
        (
            "<option value=/x.html><option value=x.php><option value=red><option value='a b'>",
            [
                ("/x.html", P, GUESS),
                ("/d/x.php", P, GUESS),
            ],
        ),
        ("<a href=\"javascript:pop('big1.html')\">", [("/d/big1.html", P, GUESS)]),
        ("<a onclick=\"show('big1.jpg', 'e.g.', 'red')\">", [("/d/big1.jpg", R, GUESS)]),
        ("<script>show('big1.jpg')</script>", []),
    ],
)
def test_guesses(text: str, expected: list[tuple[str, Kind, bool]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("<i DATA-Full-Src='/x.jpg' data-z=/y.jpg>", "<i DATA-Full-Src='../x.jpg' data-z=/y.jpg>"),
        ("<i data-bgset='/x.jpg 1x | /y.jpg'>", "<i data-bgset='../x.jpg 1x | /y.jpg'>"),
        ("<a-b src=/x.jpg href=/z>", "<a-b src=../x.jpg href=/z>"),
        ("<applet codebase=/b archive=x.jar>", "<applet codebase=. archive=../b/x.jar>"),
        ("<script data-main=/s/x></script>", "<script data-main=../s/x.js></script>"),
        ("<option value=/x.html>", "<option value=../x.html>"),
        ("<a href=\"javascript:pop('/x.html')\">", "<a href=\"javascript:pop('../x.html')\">"),
        ("<param name=movie value=/x.jpg>", "<param name=movie value=../x.jpg>"),
    ],
)
def test_a_guess_is_rewritten_if_there_is_a_copy(text: str, copy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = {f"http://h/{name}": f"../{name}" for name in ("x.jpg", "b/x.jar", "s/x.js", "x.html")}
    assert rewrite(Document.HTML, text, Rewriter(URL, "p~.html", saved.get)) == copy.replace(
        "codebase=.", 'codebase="."'
    )
    monkeypatch.setattr("mirror.core.document.html_edits.is_too_large_for_a_tree", lambda _: True)
    assert rewrite(Document.HTML, text, Rewriter(URL, "p~.html", saved.get)) == copy.replace(
        "codebase=.", 'codebase="."'
    )


def test_a_model_refers_to_its_buffers_and_images() -> None:
    model = '{"asset": {}, "buffers": [{"uri": "/x"}], "images": [{"uri": "data:,"}, {"uri": "t.png"}]}'
    for content_type in ("model/gltf+json", "application/json"):
        assert found(response(model, content_type)) == [("/x", R), ("/d/t.png", R)]
        assert (
            copied(response(model, content_type))
            == model.replace("/x", "../x~.html").replace('"t.', '"http://h/d/t.').encode()
        )


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        (r'"srcset=\"https:\/\/h\/a.png 1x, https:\/\/h\/b,c.png 2x\""', ["https://h/a.png", "https://h/b,c.png"]),
        ('"https://h/a 480w,https://h/b 960w"', ["https://h/a", "https://h/b"]),
        ('"https://h/a 1.5x,\n https://h/b"', ["https://h/a", "https://h/b"]),
        ('"https://h/a and https://h/b 2x"', []),
        ('"https://h/a 2x more"', []),
    ],
)
def test_a_srcset_in_a_string_is_several_urls(text: str, urls: list[str]) -> None:
    assert [span.url for span in embedded_urls.literal_spans(text)] == urls


def test_html_in_json_leads_to_origins() -> None:
    """WordPress' REST API gives posts as HTML, with escaped slashes; replay changes the URLs in them."""
    text = r'{"a": "<img src=\"https:\/\/h\/a.png\"> see https://h/", "b": "\u003Ca href=\u0022https:\/\/h\/b\u0022\u003E"}'
    assert [span.url for span in embedded_urls.literal_spans(text)] == ["https://h/a.png", "https://h/b"]
    answer = response(text, "application/json")
    copy = documents.copy_at_origin(
        answer, "application/json", "http://p/", lambda _: None, lambda url: url.replace("h/", "q/")
    )
    assert copy == text.replace(r"https:\/\/h\/", "https://q/").encode()
