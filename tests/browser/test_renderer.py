"""What the renderer decides without a browser."""

from unittest.mock import Mock

import pytest

from mirror.browser import limits
from mirror.browser.renderer import Renderer
from mirror.core.url.canonical import CanonicalURL


def test_an_origin_gets_a_limited_number_of_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_VARIANTS", 2)
    renderer = Renderer(Mock(), Mock(), Mock(), wake=Mock(), fail=Mock(), keep_cookies=Mock())
    first, second, third, other = (
        CanonicalURL(f"https://{host}/search#POST&={word}") for host, word in (("h", 1), ("h", 2), ("h", 3), ("i", 3))
    )
    asked = [first, second, third, first, other]
    assert [renderer._is_within_limit(url) for url in asked] == [True, True, False, True, True]  # noqa: SLF001
