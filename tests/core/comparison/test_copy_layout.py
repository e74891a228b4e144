"""Layouts of copies: where tools store a page."""

import pytest

from mirror.core.comparison.copy_layout import files_of_page, host_folders


@pytest.mark.parametrize("name", ["dir", "dir/", "a.html", "", "x?y=1"])
def test_files_of_page_are_relative_and_html(name: str) -> None:
    names = files_of_page(f"http://example.org/{name}")
    assert all(not one.startswith("/") for one in names)
    assert any(one.endswith(".html") for one in names)


def test_host_folders() -> None:
    assert host_folders("http://127.0.0.1:80/")[:2] == ["127.0.0.1:80", "127.0.0.1_80"]
