"""Pictures in files, read and written by Pillow: (h, w) or (h, w, 3), in [0, 1]."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gpudict._writing import write_whole

KINDS = ("BMP", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
DEPTHS = {"I;16": 65535, "I;16L": 65535, "I;16B": 65535, "I": 65535}  # Pillow's modes of 16 bits
GREY = ("1", "L", "LA")
DEEP = ("PNG", "TIFF")  # files that hold them


class Picture(NamedTuple):
    """A picture in [0, 1], float64, and what white is in its file: 255, or 65535."""

    image: np.ndarray
    white: int


@functools.cache
def suffixes() -> tuple[str, ...]:
    """Return what names of files that can be read and written end in."""
    from PIL import Image

    known = Image.registered_extensions()
    return tuple(suffix for suffix, kind in known.items() if kind in KINDS)


def endings() -> str:
    """Return what names of pictures end in, as a sentence says it."""
    *others, last = sorted(suffixes())
    return f"{', '.join(others)} or {last}"


def is_picture(path: str | Path) -> bool:
    """Whether a name is that of a picture."""
    return Path(path).suffix.lower() in suffixes()


def read(path: str | Path) -> Picture:
    """Read a picture; what is not grey is RGB, and how far it lets light through is left out.

    Raises
    ------
    ValueError
        It can't be read, or has no whole numbers.
    """
    from PIL import Image

    try:
        with Image.open(path) as file:
            if file.mode == "F":
                raise ValueError("its pixels are floats, and grey or RGB of 8 or 16 bits is needed")
            white = DEPTHS.get(file.mode, 255)
            mode = "I" if white > 255 else "L" if file.mode in GREY else "RGB"
            pixels = np.asarray(file.convert(mode))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(
            f"{path} can't be read as a picture ({why}). Pass one that ends in {endings()}."
        ) from error
    return Picture(pixels / white, white)


def write(path: str | Path, picture: Picture) -> None:
    """Write a picture as its name says, all of it or nothing.

    Raises
    ------
    OSError
        The file can't be written; what was there before is as it was.
    """
    from PIL import Image

    kind, drawn = Image.registered_extensions()[Path(path).suffix.lower()], io.BytesIO()
    deep = picture.white > 255 and kind in DEEP
    white, dtype = (picture.white, np.uint16) if deep else (255, np.uint8)
    pixels = np.rint(np.clip(picture.image, 0, 1) * white).astype(dtype)
    Image.fromarray(pixels).save(drawn, format=kind)
    write_whole(path, drawn.getvalue())
