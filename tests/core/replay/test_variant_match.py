"""Which stored variant of a request answers one in replay."""

import json
from typing import Any

from mirror.core.http.request_variants import variant, with_variant
from mirror.core.replay.variant_match import Asked, exact_match, near_variant
from mirror.core.url.canonical import CanonicalURL

HERE = CanonicalURL("https://h/api")
TYPE = {"content-type": "application/json"}
XHR = {"x-requested-with": "XMLHttpRequest"}


def post(data: Any, url: CanonicalURL = HERE) -> CanonicalURL:
    return with_variant(url, variant("POST", TYPE, json.dumps(data).encode()))


def get(headers: dict[str, str]) -> CanonicalURL:
    return with_variant(HERE, variant("GET", headers))


def asked(data: Any) -> Asked:
    return Asked("POST", TYPE | {"user-agent": "x", "cookie": "a=b"}, json.dumps(data).encode())


def test_the_variant_with_the_most_of_the_headers_answers() -> None:
    stored = [get(XHR), get(XHR | {"accept": "application/json"}), get({"hx-request": "true"})]
    assert exact_match(Asked("GET", XHR | {"accept": "application/json"}), stored) == stored[1]
    assert exact_match(Asked("GET", XHR | {"accept": "*/*"}), stored) == stored[0]
    assert exact_match(Asked("GET", {"accept": "text/html"}), stored) is None
    assert exact_match(Asked("POST", XHR), stored) is None


def test_a_body_has_to_be_the_same() -> None:
    stored = [post({"query": "{a}"}), post({"query": "{b}"})]
    assert exact_match(asked({"query": "{b}"}), stored) == stored[1]
    assert exact_match(asked({"query": "{c}"}), stored) is None
    assert near_variant(HERE, asked({"query": "{c}"}), stored) is None


def test_times_and_random_values_in_a_body_may_differ() -> None:
    stored = [post({"q": "a", "at": 1795514400000, "in": [{"rnd": 0.12345678}]}), post({"q": "b", "at": 1795514400000})]
    found = near_variant(HERE, asked({"q": "a", "at": 1799999999999, "in": [{"rnd": 0.87654321}]}), stored)
    assert found is not None
    assert (found.url, found.rules) == (stored[0], ("time at", "random in.0.rnd"))


def test_times_in_the_url_of_a_question_may_differ() -> None:
    stored = [post({"q": "a"}, CanonicalURL("https://h/api?_=1795514400000"))]
    found = near_variant(CanonicalURL("https://h/api?_=1799999999999"), asked({"q": "a"}), stored)
    assert found is not None
    assert found.url == stored[0]


def test_half_a_surrogate_pair_is_a_value() -> None:
    stored = [post({"a": "\ud800", "_": 1795514400000})]
    assert near_variant(HERE, asked({"a": "\udc00", "_": 1799999999999}), stored) is None
    assert near_variant(HERE, asked({"a": "\ud800", "_": 1799999999999}), stored) is not None


def test_a_body_that_is_too_large_to_be_read_has_no_near_match() -> None:
    assert near_variant(HERE, asked(list(range(5000))), [post(list(range(2000)))]) is None
    assert near_variant(HERE, asked({"a": ["x"] * 1500, "b": 1}), [post({"a": ["x"] * 1500, "b": 2})]) is None
