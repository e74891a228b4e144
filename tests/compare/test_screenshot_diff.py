"""How many pixels of two pictures differ."""

from io import BytesIO

from PIL import Image

from mirror.compare.screenshot_diff import NOISE, differing, small


def png(*dots: tuple[int, int], size: tuple[int, int] = (100, 100), level: int = 255) -> bytes:
    """A black picture with dots."""
    image = Image.new("RGB", size)
    for dot in dots:
        image.putpixel(dot, (0, level, 0))
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_pixels_that_differ_are_counted() -> None:
    assert differing(png(), png()) == 0
    assert differing(png(), png((1, 1), (2, 2))) == 2 / 10_000
    assert differing(png((1, 1), level=NOISE), png()) == 0
    assert differing(png((1, 1), level=NOISE + 1), png()) == 1 / 10_000


def test_what_only_one_picture_has_differs() -> None:
    assert differing(png(), png(size=(100, 200))) == 0.5
    assert differing(png(size=(200, 200)), png()) == 0.75


def test_what_is_near_a_pixel_that_does_not_stay_says_nothing() -> None:
    first, again = png((50, 50)), png((51, 50))
    assert differing(first, png((52, 50)), again) == 0
    assert differing(first, png((52, 50), (1, 1)), again) == 1 / 10_000
    assert differing(png((99, 99), size=(101, 101)), png(size=(101, 101)), png((100, 100), size=(101, 101))) == 0


def test_a_small_picture_is_webp() -> None:
    assert Image.open(BytesIO(small(png()))).format == "WEBP"
