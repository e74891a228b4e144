"""Pictures of pages: how many of their pixels differ, and a small form of them. On Pillow, which is an extra."""

from io import BytesIO
from typing import Final

from PIL import Image, ImageChops, ImageFilter

NOISE: Final = 2
"""Levels (of 255) by which a colour may differ: two paintings of one rounded border differ by one now and then."""

_NEAR: Final = 16
"""Pixels of the side of a block: a figure that changes changes more of them than the two visits show."""

_QUALITY: Final = 80
_MOST: Final = 16383  # pixels of a side of a WebP
_DIFFERS: Final = 255


def differing(original: bytes, copy: bytes, again: bytes | None = None) -> float:
    """The share of pixels by which two PNGs differ, 0 to 1; what only one of them has differs.

    `again` is the original another time: what is at or near a pixel that differs between its two pictures counts for nothing.
    """
    if original == copy:
        return 0.0
    pictures = [_opened(png) for png in (original, copy, *([again] if again else []))]
    size = (max(one.width for one in pictures), max(one.height for one in pictures))
    before, now, *others = (_extended(one, size) for one in pictures)
    mask = _mask(before, now)
    for other in others:
        mask = ImageChops.subtract(mask, _spread(_mask(before, other)))
    return mask.histogram()[_DIFFERS] / (size[0] * size[1])


def small(png: bytes) -> bytes:
    """A picture as WebP."""
    file = BytesIO()
    picture = _opened(png).convert("RGB")
    picture.crop((0, 0, min(picture.width, _MOST), min(picture.height, _MOST))).save(file, "WEBP", quality=_QUALITY)
    return file.getvalue()


def _opened(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png)).convert("RGBA")


def _extended(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A picture in a larger one, transparent where it ends."""
    if picture.size == size:
        return picture
    whole = Image.new("RGBA", size)
    whole.paste(picture)
    return whole


def _mask(one: Image.Image, other: Image.Image) -> Image.Image:
    """Where two pictures of one size differ by more than `NOISE` in some channel: `_DIFFERS`, else 0."""
    bands = ImageChops.difference(one, other).split()
    most = bands[0]
    for band in bands[1:]:
        most = ImageChops.lighter(most, band)
    return most.point([0] * (NOISE + 1) + [_DIFFERS] * (255 - NOISE))


def _spread(mask: Image.Image) -> Image.Image:
    """A mask of whole blocks: those in which it has something, and those beside them."""
    columns, rows = (-(-side // _NEAR) for side in mask.size)
    whole = Image.new("L", (columns * _NEAR, rows * _NEAR))
    whole.paste(mask)
    blocks = whole.reduce(_NEAR).point([0] + [_DIFFERS] * 255)  # a mean that is less than one would be nothing
    return blocks.filter(ImageFilter.MaxFilter(3)).resize(whole.size, Image.Resampling.NEAREST).crop((0, 0, *mask.size))
