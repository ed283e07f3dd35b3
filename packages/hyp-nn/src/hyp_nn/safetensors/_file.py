"""The file: named arrays and one JSON header, written whole or not at all, read with every length checked first."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np

PathLike = str | os.PathLike[str]

KEY, VERSION = "hyp_nn", 1
# A header is text about the arrays: 16 MiB describe a hundred thousand of them. More is no header of ours.
MAX_HEADER = 16 * 2**20
_DTYPES = {
    "BF16": jnp.bfloat16,
    "BOOL": np.bool_,
    **{f"F{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    **{f"I{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
}
STORED = frozenset(np.dtype(dtype) for dtype in _DTYPES.values())


def library() -> Any:
    """Returns the package safetensors.

    Raises:
        ImportError: it is not installed; the message names the extra.
    """
    try:
        import safetensors
        import safetensors.numpy  # pyright: ignore[reportUnusedImport] - an attribute of the package from here on
    except ImportError as error:
        raise ImportError(
            "hyp_nn.safetensors needs the package safetensors, which the extra of hyp-nn installs: "
            "pip install 'hyp-nn[safetensors]'."
        ) from error
    return safetensors


def write(path: PathLike, arrays: Mapping[str, np.ndarray], header: dict[str, Any]) -> None:
    """Writes the arrays under their names and the header, atomically.

    Raises:
        ImportError: safetensors is not installed.
        OSError: the folder cannot be written.
        ValueError: the header is too long.
    """
    tensors = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = json.dumps({"version": VERSION, **header}, allow_nan=False, sort_keys=True)
    with _replacing(Path(path)) as temporary:
        library().numpy.save_file(tensors, temporary, {KEY: text})
        with temporary.open("rb+") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > MAX_HEADER:
                raise ValueError(f"{path}: the header of {length} bytes is longer than the {MAX_HEADER} that are read.")
            os.fsync(file.fileno())


def read(path: PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns the arrays of a file by name, and its header.

    Raises:
        ImportError: safetensors is not installed.
        OSError: the file cannot be read.
        ValueError: it is no such file, damaged, or of a later version.
    """
    deserialize, error_of_it = library().deserialize, library().SafetensorError
    with Path(path).open("rb") as file:
        header, _ = _read_header(file, path)
        file.seek(0)
        content = file.read()
    try:
        found = deserialize(content)
    except error_of_it as error:
        raise ValueError(f"{path}: not a readable safetensors file ({error}).") from None
    return {name: _array(path, name, tensor) for name, tensor in found}, header


def read_header_of(path: PathLike) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the header of a file, and dtype and shape of its arrays by name, without reading those.

    Raises:
        OSError, ValueError: as `read`.
    """
    with Path(path).open("rb") as file:
        return _read_header(file, path)


def _read_header(file: BinaryIO, path: PathLike) -> tuple[dict[str, Any], dict[str, Any]]:
    size, first = os.fstat(file.fileno()).st_size, file.read(8)
    length = int.from_bytes(first, "little")
    # The length is a number in the file: nothing of that size is read before it is known to be there and bounded.
    if len(first) < 8 or length > size - 8:
        raise ValueError(f"{path}: not a safetensors file, or cut off: {size} bytes are shorter than their header.")
    if length > MAX_HEADER:
        raise ValueError(f"{path}: a header of {length} bytes; at most {MAX_HEADER} are read.")
    parts = _parsed(file.read(length), path)
    text = (parts.pop("__metadata__", None) or {}).get(KEY)
    if not isinstance(text, str):
        raise ValueError(f"{path}: no header of hyp-nn; the file was written by something else.")
    header = _parsed(text.encode("utf-8", "surrogatepass"), path)
    if header.get("version") != VERSION:
        raise ValueError(f"{path}: a header of version {header.get('version')!r}; this hyp-nn reads {VERSION}.")
    return header, parts


def _parsed(raw: bytes, path: PathLike) -> dict[str, Any]:
    try:
        value = json.loads(raw, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: the header is no JSON that can be read ({type(error).__name__}: {error}).") from None
    if not isinstance(value, dict) or not isinstance(value.get("__metadata__") or {}, dict):
        raise ValueError(f"{path}: the header is no JSON object.")
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers may take different ones of two entries with one name.
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _array(path: PathLike, name: str, tensor: dict[str, Any]) -> np.ndarray:
    dtype = _DTYPES.get(tensor["dtype"])
    if dtype is None:
        raise ValueError(f"{path}: leaf {name!r} has the dtype {tensor['dtype']}, which is not supported.")
    return np.frombuffer(tensor["data"], dtype).reshape(tensor["shape"])


@contextmanager
def _replacing(path: Path) -> Generator[Path]:
    """Yields the name of a temporary file beside `path`, which takes its place when the block ends without an error."""
    # os.replace is atomic only inside one file system: the temporary file goes in the same folder, not in /tmp.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
