"""Which POST requests only read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.http.request_variants import variant
from mirror.core.policy.reading_requests import reads
from mirror.core.url.canonical import CanonicalURL

FORM = "application/x-www-form-urlencoded; charset=UTF-8"
MULTIPART = "multipart/form-data; boundary=b"
PART = "--b\r\nContent-Disposition: form-data; name="


def says(path: str, body: Any, media_type: str = "application/json") -> bool:
    text = body if isinstance(body, str) else json.dumps(body)
    return reads(CanonicalURL(f"https://h{path}"), variant("POST", {"content-type": media_type}, text.encode()))


@pytest.mark.parametrize(
    ("path", "body", "media_type"),
    [
        ("/graphql", {"query": "{ posts { id } }"}, "application/json"),
        ("/graphql", {"query": "query Posts($n: Int) { posts(first: $n) { id } }"}, "application/json"),
        ("/graphql", {"query": "fragment P on Post { id } query { posts { ...P } }"}, "application/json"),
        ("/graphql", [{"query": "{a}"}, {"query": "query B {b}"}], "application/json"),
        ("/graphql", {"query": '{ search(text: "mutation { x }") { id } } # mutation {'}, "application/json"),
        ("/api", "{ posts { id } }", "application/graphql"),
        ("/1/indexes/*/queries", {"requests": []}, "application/json"),
        ("/indexes/posts/search", {"q": "a"}, "text/plain;charset=UTF-8"),
        ("/es/_search", {"query": {"match_all": {}}}, "application/json"),
        ("/es/_msearch", "{}\n{}", "application/x-ndjson"),
        ("/api/getProducts", {}, "application/json"),
        ("/api/suggest.php", "q=a", FORM),
        ("/rpc", {"jsonrpc": "2.0", "method": "posts.list"}, "application/json"),
        ("/rpc", [{"method": "getPost"}, {"method": "findTags"}], "application/json"),
        ("/wp-admin/admin-ajax.php", "action=load_more_posts&page=2", FORM),
        ("/w/api.php", "action=query&format=json", FORM),
        ("/table.php", "draw=1&start=0&length=10&columns%5B0%5D=a", FORM),
        ("/events/search", "tag=a&tag=b", FORM),
        ("/search?filter=%7B%22a%22:1%7D&query=b", {"q": "a"}, "application/json"),
        ("/reports/list", f'{PART}"q"\r\n\r\na\r\n--b--\r\n', MULTIPART),
        ("/graphql", f'{PART}"operations"\r\n\r\n{{"query": "{{a}}"}}\r\n--b--\r\n', MULTIPART),
        ("/graphql", {"query": "{a} #\r\n{b}"}, "application/graphql+json"),
    ],
)
def test_a_question_is_recognised(path: str, body: Any, media_type: str) -> None:
    assert says(path, body, media_type)


@pytest.mark.parametrize(
    ("path", "body", "media_type"),
    [
        ("/graphql", {"query": "mutation { deletePost(id: 1) { id } }"}, "application/json"),
        ("/graphql", {"query": "query A { a } mutation B { b }", "operationName": "B"}, "application/json"),
        ("/graphql", {"query": "} mutation { a }"}, "application/json"),
        ("/graphql", {"query": "subscription { a }"}, "application/json"),
        ("/graphql", [{"query": "{a}"}, {"query": "mutation {b}"}], "application/json"),
        ("/graphql", [{"query": "{a}"}] * 60, "application/json"),
        ("/graphql", {"operationName": "LikePost", "extensions": {"persistedQuery": {}}}, "application/json"),
        ("/graphql", {"query": "{a}", "operationName": "trackView"}, "application/json"),
        ("/collect", {"event": "load"}, "application/json"),
        ("/api/search/log", {"q": "a"}, "application/json"),
        ("/cart/add", "id=1", FORM),
        ("/api/getCart", {}, "application/json"),
        ("/posts", {"title": "a"}, "application/json"),
        ("/", "a=b", FORM),
        ("/rpc", [{"method": "getPost"}, {"method": "deletePost"}], "application/json"),
        ("/wp-admin/admin-ajax.php", "action=post_view_count&id=1", FORM),
        ("/wp-admin/admin-ajax.php", "action=heartbeat", FORM),
        ("/login", "user=a&password=b", FORM),
        ("/api/search", {"q": "a", "userPassword": "b"}, "application/json"),
        ("/x", "not json {", "application/json"),
        ("/x", "[" * 100_000, "application/json"),
        ("/graphql", {"query": "query A {a} #\rmutation B {b}", "operationName": "B"}, "application/json"),
        ("/graphql?query=mutation%7Ba%7D", {"query": "{a}"}, "application/json"),
        ("/graphql", {"query": "mutation {a}"}, "application/graphql+json"),
        ("/graphql", '{"query": "mutation {a}", "query": "{a}"}', "application/json"),
        ("/graphql", "query=mutation{a}&query={a}", FORM),
        ("/graphql", [{"query": "{a}"}, {"extensions": {"persistedQuery": {}}}], "application/json"),
        ("/query", f'{PART}"operations"\r\n\r\n{{"query": "mutation {{a}}"}}\r\n--b--\r\n', MULTIPART),
        ("/query", {"query": "mutation {a}"}, "application/json; charset=utf-16"),
        ("/query", "m\0u\0t\0a\0t\0i\0o\0n\0{\0a\0}\0", "application/graphql"),
        ("/posts/list?_method=DELETE", {}, "application/json"),
        ("/posts/list?action=delete", {}, "application/json"),
        ("/posts/list", "_method=delete&id=1", FORM),
        ("/posts/list", "op=delete&id=1", FORM),
        ("/posts/list", f'{PART}"Action"\r\n\r\nremove\r\n--b--\r\n', MULTIPART),
        ("/posts/list", {"params": {"action": "delete"}}, "application/json"),
        ("/posts/list%2Fdelete", {}, "application/json"),
        ("/posts/delete/list", {}, "application/json"),
        ("/delete/4", "draw=1&start=0&length=10", FORM),
        ("/notifications/read", {}, "application/json"),
        ("/api/products", {"name": "a"}, "application/json"),
        ("/t", {"event": "search"}, "application/json"),
        ("/t", {"page": {"method": "getList"}}, "application/json"),
    ],
)
def test_what_may_change_something_is_no_question(path: str, body: Any, media_type: str) -> None:
    assert not says(path, body, media_type)


@given(st.binary(max_size=300), st.sampled_from(["application/json", FORM, "application/graphql", "text/plain", ""]))
def test_any_body_gets_a_decision(body: bytes, media_type: str) -> None:
    headers = {"content-type": media_type} if media_type else {}
    assert reads(CanonicalURL("https://h/a"), variant("POST", headers, body)) in {True, False}


@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url"])
def test_a_request_that_names_another_one_is_no_question(name: str) -> None:
    assert not reads(CanonicalURL("https://h/search"), variant("POST", {name: "DELETE"}, b"q=a"))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_body_is_no_question(coding: str) -> None:
    assert not reads(CanonicalURL("https://h/search"), variant("POST", {"content-encoding": coding}, b"q=a"))
