"""Which answers with an error status have a page."""

import pytest

from mirror.core.http.messages import Response
from mirror.core.policy.error_pages import is_page, run_the_same_scripts
from mirror.core.url.canonical import CanonicalURL

APP = '<!DOCTYPE html><div id="root"></div><script src="/app.js"></script>'

NGINX = """\
<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center><hr>
<center>nginx/1.26.3</center></body></html>
"""
APACHE = """\
<!DOCTYPE HTML><html><head><title>404 Not Found</title></head><body><h1>Not Found</h1>
<p>The requested URL was not found on this server.</p><hr><address>Apache/2.4.62 Server at h Port 80</address></body></html>
"""


def answer(body: str, status: int = 404, content_type: str = "text/html", path: str = "/a") -> Response:
    return Response(CanonicalURL(f"http://h{path}"), status, [("Content-Type", content_type)], body.encode())


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize(
    "body",
    [
        APP,
        "<script>location.replace('/?p=' + location.pathname)</script>",
        "<h1>Lost?</h1><a href=/>Home</a>",
        "<img src=/lost.png alt=''>",
        "<p>" + "This text says something about the page. " * 10,
    ],
)
def test_a_page(body: str, status: int) -> None:
    assert is_page(answer(body, status))
    assert is_page(answer(body, status, "application/xhtml+xml"))


@pytest.mark.parametrize(
    "body",
    [
        "",
        " \n",
        NGINX,
        APACHE,
        "<!doctype html><title>404</title><script type=application/json>{}</script>",
    ],
)
def test_the_few_words_of_a_server_are_no_page(body: str) -> None:
    assert not is_page(answer(body))


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 429, 500, 503])
def test_only_404_and_410_speak_of_the_url(status: int) -> None:
    assert not is_page(answer(APP, status))


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "image/svg+xml", "text/css"])
def test_only_html_is_a_page(content_type: str) -> None:
    assert not is_page(answer(APP, content_type=content_type))


def test_pages_of_one_application_run_the_same_scripts() -> None:
    home = answer(APP, 200, path="/")
    assert run_the_same_scripts(home, answer(APP))
    assert run_the_same_scripts(home, answer(APP.replace("<div", "<title>Not found</title><div")))
    assert not run_the_same_scripts(home, answer(APP.replace("/app.js", "/other.js")))
    assert not run_the_same_scripts(answer("<a href=/>", 200), answer("<a href=/>"))
