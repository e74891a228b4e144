"""Counting the pixels that differ between two screenshots."""

from io import BytesIO

from PIL import Image

from mirror.compare.screenshot_diff import NOISE, difference, thumbnail


def png(*dots: tuple[int, int], size: tuple[int, int] = (100, 100), level: int = 255) -> bytes:
    """A black picture with green dots."""
    image = Image.new("RGB", size)
    for dot in dots:
        image.putpixel(dot, (0, level, 0))
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_share_of_differing_pixels() -> None:
    assert difference(png(), png()) == 0
    assert difference(png(), png((1, 1), (2, 2))) == 2 / 10_000
    assert difference(png((1, 1), level=NOISE), png()) == 0
    assert difference(png((1, 1), level=NOISE + 1), png()) == 1 / 10_000


def test_pixels_of_one_picture_only_differ() -> None:
    assert difference(png(), png(size=(100, 200))) == 0.5
    assert difference(png(size=(200, 200)), png()) == 0.75


def test_pixels_near_an_unstable_one_do_not_count() -> None:
    first, again = png((50, 50)), png((51, 50))
    assert difference(first, png((52, 50)), again) == 0
    assert difference(first, png((52, 50), (1, 1)), again) == 1 / 10_000
    assert difference(png((99, 99), size=(101, 101)), png(size=(101, 101)), png((100, 100), size=(101, 101))) == 0


def test_a_thumbnail_is_webp() -> None:
    assert Image.open(BytesIO(thumbnail(png()))).format == "WEBP"
