"""References as they travel between processes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.syntax.reference import Kind, PackedReferences, Reference
from mirror.core.url.canonical import CanonicalURL

URLS = st.sampled_from(("http://h/", "http://h/a?b", "file:///srv/a", "http://h/%0A")).map(CanonicalURL)


@settings(max_examples=100)
@given(st.lists(st.builds(Reference, URLS, st.sampled_from(Kind), st.booleans())))
def test_unpacked_references_are_those_that_were_packed(found: list[Reference]) -> None:
    unpacked = PackedReferences.of(found).unpacked()
    assert unpacked == found
    assert [(type(one), type(one.kind), type(one.guess)) for one in unpacked] == [(Reference, Kind, bool)] * len(found)
