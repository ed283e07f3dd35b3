"""How large a file may be: sizes are checked before anything is unpacked or parsed."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

LARGEST_TEXT = 2**30
LARGEST_ARRAYS = 2**34
_CHUNK = 2**20


def read_bounded(path: str | os.PathLike[str], limit: int = LARGEST_TEXT) -> bytes:
    """Returns the bytes of a file, read in pieces, so that one without an end (a pipe) is bounded too.

    Args:
        path: the file.
        limit: the most bytes it may have.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger.
    """
    pieces, size = [], 0
    with Path(path).open("rb") as file:
        while piece := file.read(_CHUNK):
            size += len(piece)
            if size > limit:
                raise ValueError(f"larger than {limit} bytes")
            pieces.append(piece)
    return b"".join(pieces)


def check_npz(path: str | os.PathLike[str], limit: int = LARGEST_ARRAYS) -> None:
    """Refuses an .npz file that would unpack to too much, or whose headers claim more than they are followed by.

    A few kilobytes of a zip archive can unpack to terabytes, and NumPy allocates what an array's header claims before
    it has read the array.

    Args:
        path: the file.
        limit: the most bytes that all arrays together may unpack to.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no .npz file, or one that is refused.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > limit:
                raise ValueError(f"{path} unpacks to {total} bytes, at most {limit} are read.")
            for member in members:
                with archive.open(member) as file:
                    claimed = _claimed_bytes(file)
                if claimed > member.file_size:
                    raise ValueError(
                        f"{path}: the array {member.filename} claims {claimed} bytes and has {member.file_size}."
                    )
    # zlib reports damage by an exception of its own, and encryption or an unknown method is a RuntimeError.
    except (zipfile.BadZipFile, EOFError, RuntimeError, zlib.error) as error:
        raise ValueError(f"{path} is no readable .npz file ({error}).") from error


def _claimed_bytes(file: IO[bytes]) -> int:
    """The size of an array by its header."""
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"an array has the format {version}, expected one of {sorted(readers)}.")
    shape, _, dtype = readers[version](file)
    return math.prod(shape) * dtype.itemsize
