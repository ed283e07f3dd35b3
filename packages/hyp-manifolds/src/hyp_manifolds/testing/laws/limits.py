"""Laws at the ends: flat space as c -> 0, and NaN."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .._calls import Batched
from ..samples import Sample, make_sample
from ._law import law, relative
from ._signatures import operations


@law(eps=64)
def small_curvature_approaches_flat_space(m: Batched, s: Sample) -> Iterator[Any]:
    """As c -> 0 the maps become linear, transport moves nothing, and distances are norms of differences.

    Spoken of the last dim coordinates of an array, in the metric at the origin. Where these are not 0 at the origin
    (the height in the half-space) they hold no more digits of a nearby point than the origin's size allows.
    """
    signs = (1.0, -1.0) if getattr(m.manifold, "curvature_domain", "positive") == "signed" else (1.0,)
    c = s.eps  # deviations from flat space are of order c |x|^2
    radius = np.sqrt(c)
    flat = make_sample(m.manifold, s.dim, [sign * c for sign in signs], dtype=s.x.dtype, radius=float(radius), seed=1)
    zero, x, y, v, o = (getattr(flat, k).astype(np.float64)[:, -s.dim :] for k in ("origin", *"xyvo"))
    coarse = np.linalg.norm(zero, axis=1)
    size = np.linalg.norm(x, axis=1) + np.linalg.norm(y, axis=1) + np.linalg.norm(v, axis=1)

    def last(name: str, letters: str) -> Any:
        return m(name, *flat.arguments(letters)).astype(np.float64)[:, -s.dim :]

    def linear(name: str, letters: str, want: Any, own: Any = None) -> Any:
        scale = coarse + (np.linalg.norm(want, axis=1) if own is None else own)
        return relative(last(name, letters), want, scale=scale, label=name)

    yield linear("expmap_0", "o", zero + o)
    yield linear("logmap_0", "x", x - zero)
    yield linear("expmap", "vx", x + v, size)
    yield linear("retraction", "vx", x + v, size)
    yield linear("logmap", "yx", y - x, size)
    yield linear("ptransp", "vxy", v)
    if hasattr(m.manifold, "addition"):
        yield linear("addition", "xy", x + y - zero, size)
        scaled = flat.r.astype(np.float64)[:, None] * (x - zero)
        yield linear("scalar_mul", "rx", zero + scaled, size)
    step = np.zeros_like(flat.x)
    step[:, -s.dim :] = (y - x).astype(s.x.dtype)
    want = m.flat("tangent_norm", step, flat.origin, flat.c)[:, 0]
    unit = want / np.linalg.norm(y - x, axis=1)
    yield relative(m.dist(flat.x, flat.y, flat.c), want, scale=want + coarse * unit, label="dist")


@law()
def nan_in_gives_nan_out(m: Batched, s: Sample) -> Iterator[Any]:
    """A NaN in any argument (in the last coordinate of an array) gives NaN, never a plausible number."""
    names = operations(m.manifold)
    for name, letters in names.items():
        arguments = s.take(slice(0, len(letters) + 1)).arguments(letters)
        curved = _depends_on(m, s, name, letters)
        for row in range(len(letters) + 1):
            column = np.array(arguments[row])
            column[row, ...] = np.where(np.arange(column[row].size) == column[row].size - 1, np.nan, column[row])
            arguments[row] = column
        out = m.flat(name, *arguments)
        for row, letter in enumerate([*letters, "c"]):
            if letter in curved and not np.isnan(out[row]).any():
                yield f"{name}: NaN in {letter} gives {out[row]}"
    broken = s.x[:1].copy()
    broken[0, -1] = np.nan
    if m.is_in_manifold(broken, s.c[:1]).any():
        yield "is_in_manifold is True for NaN"


def _depends_on(m: Batched, s: Sample, name: str, letters: str) -> set[str]:
    """The arguments that the result depends on at all: flat transport does not look at the points."""
    found = set()
    far = {k: (1000 * getattr(s, k)).astype(s.c.dtype) for k in set(letters) & set("xv")}
    # far away, a projection looks at c even where it keeps points that are on the manifold
    for start in (s, Sample(**{**vars(s), **far})) if name in ("proj", "retraction") else (s,):
        base = m.flat(name, *start.arguments(letters))
        for letter in [*letters, "c"]:
            changed = {letter: np.roll(getattr(start, letter), 1, axis=0)}
            if letter == "c":
                changed = {"c": (s.c * 1.125).astype(s.c.dtype)}
            if np.any(m.flat(name, *Sample(**{**vars(start), **changed}).arguments(letters)) != base):
                found.add(letter)
    return found
