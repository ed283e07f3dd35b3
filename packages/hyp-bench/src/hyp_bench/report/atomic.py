"""Write a file completely or not at all."""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Generator[BinaryIO, None, None]:
    """Opens a temporary file beside `path` and moves it into place when the block ends without an error.

    Readers see the old file or the new one, never half of one. After an error, Ctrl-C included, the old file is
    untouched and the temporary file is gone. Missing folders are made.

    Args:
        path: the file to write.

    Yields:
        A binary file, open for writing.

    Raises:
        OSError: if the folder cannot be made or written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # os.replace is atomic only inside one file system: the temporary file goes in the same folder, not in /tmp.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
