"""Laws at the ends: flat space as c -> 0, and NaN."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .._calls import Batched
from ..samples import Sample, make_sample
from ._law import law, relative
from ._signatures import operations


@law(eps=64)
def small_curvature_approaches_flat_space(m: Batched, s: Sample) -> Iterator[Any]:
    """As c -> 0 the maps become linear, transport moves nothing, and distances are norms of differences.

    Spoken of the last dim coordinates of an array (of each factor's part of it), in the metric at the origin. Where
    these are not 0 at the origin (the height in the half-space) they hold no more digits of a nearby point than the
    origin's size allows.
    """
    # deviations from flat space are of order c |x|^2; c approaches 0 from the sides on which the sample has it
    c = np.where(s.c < 0, -s.eps, s.eps)
    flat = make_sample(m.manifold, s.dim, c, dtype=s.x.dtype, radius=float(np.sqrt(s.eps)), seed=1)
    spatial = flat.spatial
    zero, x, y, z, v, o = (getattr(flat, k).astype(np.float64)[:, spatial] for k in ("origin", *"xyzvo"))
    coarse = np.linalg.norm(zero, axis=1)
    size = np.linalg.norm(x, axis=1) + np.linalg.norm(y, axis=1) + np.linalg.norm(v, axis=1)

    r, t = (getattr(flat, k).astype(np.float64)[:, None] for k in "rt")
    for name, letters, want, scale in (
        ("expmap_0", "o", zero + o, None),
        ("logmap_0", "x", x - zero, None),
        ("expmap", "vx", x + v, size),
        ("retraction", "vx", x + v, size),
        ("logmap", "yx", y - x, size),
        ("ptransp", "vxy", v, None),
        ("geodesic", "txy", x + t * (y - x), size),
        ("addition", "xy", x + y - zero, size),
        ("coaddition", "xy", x + y - zero, size),
        ("gyration", "xyz", z, None),
        ("scalar_mul", "rx", zero + r * (x - zero), size),
    ):
        if hasattr(m.manifold, name):
            got = m(name, *flat.arguments(letters)).astype(np.float64)[:, spatial]
            own = np.linalg.norm(want, axis=1) if scale is None else scale
            yield relative(got, want, scale=coarse + own, label=name)
    step = np.zeros_like(flat.x)
    step[:, spatial] = (y - x).astype(s.x.dtype)
    want = m.flat("tangent_norm", step, flat.origin, flat.c)[:, 0]
    unit = want / np.linalg.norm(y - x, axis=1)
    yield relative(m.dist(flat.x, flat.y, flat.c), want, scale=want + coarse * unit, label="dist")


@law()
def nan_in_gives_nan_out(m: Batched, s: Sample) -> Iterator[Any]:
    """A NaN in any argument (in the last coordinate of each factor's part) gives NaN, never a plausible number."""
    for name, letters in operations(m.manifold).items():
        places = [(letter, part) for letter in [*letters, "c"] for part in _parts(s, letter)]
        rows = np.arange(len(places)) % len(s.c)
        arguments = {letter: getattr(s, letter)[rows] for letter in [*letters, "c"]}
        for row, (letter, part) in enumerate(places):
            arguments[letter].reshape(len(rows), -1)[row, part.stop - 1] = np.nan
        out = m.flat(name, *arguments.values())
        for row, (letter, part) in enumerate(places):
            if not np.isnan(out[row]).any() and _depends_on(m, s, name, letters, letter, part):
                yield f"{name}: NaN in {letter}, coordinate {part.stop - 1}, gives {out[row]}"
    for part in _parts(s, "x"):
        broken = s.x[:1].copy()
        broken[0, part.stop - 1] = np.nan
        if m.is_in_manifold(broken, s.c[:1]).any():
            yield f"is_in_manifold is True for NaN in coordinate {part.stop - 1}"


def _parts(s: Sample, letter: str) -> list[slice]:
    """The parts of an argument that an operation may look at apart: those of the factors; each number of c, r, t."""
    if letter not in "crt":
        return s.parts
    return [slice(k, k + 1) for k in range(getattr(s, letter)[0].size)]


def _depends_on(m: Batched, s: Sample, name: str, letters: str, letter: str, part: slice) -> bool:
    """Whether the result depends on that part of an argument at all: flat transport does not look at the points."""
    far = {k: (1000 * getattr(s, k)).astype(s.c.dtype) for k in set(letters) & set("xv")}
    # far away, a projection looks at c even where it keeps points that are on the manifold
    for start in (s, replace(s, **far)) if name in ("proj", "retraction") else (s,):
        changed = getattr(start, letter).copy()
        columns = changed.reshape(len(changed), -1)[:, part]
        columns[:] = 1.125 * columns if letter == "c" else np.roll(columns, 1, axis=0)
        other = replace(start, **{letter: changed})
        if np.any(m.flat(name, *other.arguments(letters)) != m.flat(name, *start.arguments(letters))):
            return True
    return False
