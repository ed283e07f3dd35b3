"""Edge lists: the graph a task trains on, and the reader of the tab-separated form."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from hyp_bench.bounds import read_bounded
from hyp_bench.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class EdgeList:
    """Directed weighted edges between named nodes, without self-loops and without duplicates.

    Attributes:
        names: node names in sorted order; a node is its position in here.
        pairs: one row (child, parent) an edge, ordered by child, then parent.
        weights: one positive weight an edge.
    """

    names: tuple[str, ...]
    pairs: Int[np.ndarray, "edges 2"]
    weights: Float[np.ndarray, "edges"]

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return len(self.names)

    def __len__(self) -> int:
        """Number of edges."""
        return len(self.pairs)

    def digest(self) -> str:
        """Returns the SHA-256 of names, pairs and weights: equal for equal data, whatever the order in the file."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        digest.update(self.pairs.astype("<i8").tobytes())
        digest.update(self.weights.astype("<f8").tobytes())
        return digest.hexdigest()


def read_edges(path: str | Path) -> EdgeList:
    """Reads a tab-separated edge list: child, parent and an optional weight, one edge a line, UTF-8.

    The list is taken as given, so for a hierarchy it should be the transitive closure. Blank lines are skipped. A pair
    that occurs more than once is one edge with the sum of its weights. A self-loop adds its node and no edge.

    Raises:
        InputError: the file cannot be read or is not such a list; the message names the file and the line.
    """
    try:
        raw = read_bounded(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise InputError(f"{path}: {error}.") from error
    return parse_edges(raw, str(path))


def parse_edges(raw: bytes, source: str) -> EdgeList:
    r"""Returns the edge list in the bytes of a file; `source` names it in errors. See `read_edges`.

    Example:
        >>> from hyp_bench.edges import parse_edges
        >>> edges = parse_edges(b"cat\tmammal\ndog\tmammal\n", "here")
        >>> print(edges.names, edges.pairs.tolist())
        ('cat', 'dog', 'mammal') [[0, 2], [1, 2]]
    """
    try:
        # A byte order mark is no part of the first name.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{source}, line {line}: not UTF-8 (byte 0x{raw[error.start]:02x}); save it as UTF-8."
        ) from error
    rows = [
        _parse_line(line, f"{source}, line {number}")
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    if not rows:
        raise InputError(
            f"{source}: the file has no edges; expected lines 'child<TAB>parent' or 'child<TAB>parent<TAB>weight'."
        )
    return _build(rows, source)


def _parse_line(line: str, where: str) -> tuple[str, str, float]:
    columns = [column.strip() for column in line.split("\t")]
    if len(columns) not in (2, 3):
        raise InputError(
            f"{where}: expected 2 or 3 tab-separated columns (child, parent, optional weight), got {len(columns)}."
        )
    if not (columns[0] and columns[1]):
        raise InputError(f"{where}: the {'parent' if columns[0] else 'child'} column is empty.")
    # NumPy strings, which the result is saved in, lose trailing NUL characters.
    if "\0" in line:
        raise InputError(f"{where}: a NUL character; names must be plain text.")
    weight = 1.0
    if len(columns) == 3:
        try:
            weight = float(columns[2])
        except ValueError:
            weight = math.nan
        if not 0.0 < weight < math.inf:
            raise InputError(f"{where}: the weight must be a positive number, got {columns[2]!r}.")
    return columns[0], columns[1], weight


def _build(rows: list[tuple[str, str, float]], source: str) -> EdgeList:
    names = sorted({name for row in rows for name in row[:2]})
    if len(names) < 2:
        raise InputError(f"{source}: the file has only one node, {names[0]!r}; an embedding needs at least two.")
    index = {name: i for i, name in enumerate(names)}
    merged: dict[tuple[int, int], float] = {}
    for child, parent, weight in rows:
        if child != parent:
            pair = (index[child], index[parent])
            merged[pair] = merged.get(pair, 0.0) + weight
    if not merged:
        raise InputError(f"{source}: the file has only self-loops; an embedding needs edges between different nodes.")
    pairs = np.array(sorted(merged), np.int32)
    weights = np.array([merged[child, parent] for child, parent in pairs.tolist()])
    return EdgeList(tuple(names), pairs, weights)
