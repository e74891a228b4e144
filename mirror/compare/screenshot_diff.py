"""Compare screenshots pixel by pixel, and compress them for a report. Needs Pillow, an optional dependency."""

from io import BytesIO
from typing import Final

from PIL import Image, ImageChops, ImageFilter

NOISE: Final = 2
"""Levels (of 255) by which a colour may differ. Chromium does not always paint a rounded border the same, to one level."""

_BLOCK: Final = 16
"""Side of a block in pixels. A changing element can change more pixels than two visits happen to show."""

_QUALITY: Final = 80
_MAX_SIDE: Final = 16383  # WebP's limit in pixels
_DIFFERS: Final = 255


def difference(original: bytes, copy: bytes, again: bytes | None = None) -> float:
    """Return the share of pixels that differ between two PNGs, 0 to 1. Pixels that only one picture has differ.

    `again` is a second screenshot of the original. Pixels at or near a difference between its two screenshots do not count.
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


def thumbnail(png: bytes) -> bytes:
    """Return a PNG as WebP, cropped to the size that WebP allows."""
    file = BytesIO()
    picture = _opened(png).convert("RGB")
    picture.crop((0, 0, min(picture.width, _MAX_SIDE), min(picture.height, _MAX_SIDE))).save(
        file, "WEBP", quality=_QUALITY
    )
    return file.getvalue()


def _opened(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png)).convert("RGBA")


def _extended(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Extend a picture to a size with transparent pixels."""
    if picture.size == size:
        return picture
    whole = Image.new("RGBA", size)
    whole.paste(picture)
    return whole


def _mask(one: Image.Image, other: Image.Image) -> Image.Image:
    """A mask of two pictures of the same size: `_DIFFERS` where some channel differs by more than `NOISE`, else 0."""
    bands = ImageChops.difference(one, other).split()
    largest = bands[0]
    for band in bands[1:]:
        largest = ImageChops.lighter(largest, band)
    return largest.point([0] * (NOISE + 1) + [_DIFFERS] * (255 - NOISE))


def _spread(mask: Image.Image) -> Image.Image:
    """Extend a mask to whole blocks: each block that contains a difference, and its neighbours."""
    columns, rows = (-(-side // _BLOCK) for side in mask.size)
    whole = Image.new("L", (columns * _BLOCK, rows * _BLOCK))
    whole.paste(mask)
    blocks = whole.reduce(_BLOCK).point(
        [0] + [_DIFFERS] * 255
    )  # one pixel in a block has a mean below 1, which becomes 0
    return blocks.filter(ImageFilter.MaxFilter(3)).resize(whole.size, Image.Resampling.NEAREST).crop((0, 0, *mask.size))
