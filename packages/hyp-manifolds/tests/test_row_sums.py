"""Sums of rows: to the last digits for every length and number of them, row by row, and linear."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds._numerics import lanes
from hyp_manifolds._numerics.row_sums import row_sums
from jax import export

ROWS, EPS = 6, 2.0**-52
LENGTHS = (1, 2, 3, 15, 16, 17, 20, 23, 24, 30, 31, 32, 33, 46, 47, 48, 50, 64, 112, 127, 128, 257, 272, 300, 784, 1024)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def terms(length: int, count: int) -> list[jax.Array]:
    """Numbers of size 1e-9 to 1e9 that do not cancel, so that a sum keeps its digits."""
    rng = np.random.default_rng(length)
    return [jnp.asarray(10 ** rng.uniform(-9, 9, (ROWS, length)) * sign) for sign in (1, -1, 1, -1, *[1] * 9)[:count]]


def exact(t: jax.Array) -> np.ndarray:
    return np.array([math.fsum(row) for row in np.asarray(t)])


@pytest.mark.one_precision
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 13])
def test_every_length_in_chunks_or_not(count, monkeypatch) -> None:
    def each_way(chunk, terms):
        monkeypatch.setattr(lanes, "_CHUNK", chunk)
        return lanes.sums_by_lanes(terms), row_sums(*terms), lanes.variadic_sums(terms, -1)

    @jax.jit  # all lengths: a program for each of them takes longer to compile
    def every_length(given):
        return [each_way(8 * max(length // 16, 1), terms) for length, terms in zip(LENGTHS, given, strict=True)]

    everything = [terms(length, count) for length in LENGTHS]
    for length, given, (*by_lanes, in_turn) in zip(LENGTHS, everything, every_length(everything), strict=True):
        in_turn_too = count > 6  # so many sums are not taken in lanes
        for got, t in ((s, t) for sums in by_lanes for s, t in zip(sums, given, strict=True)):
            np.testing.assert_allclose(got, exact(t), rtol=(4 + in_turn_too * length / 128) * EPS)
        for got, t in zip(in_turn, given, strict=True):
            np.testing.assert_allclose(got, exact(t), rtol=(4 + length / 128) * EPS)


@pytest.mark.one_precision
def test_rows_do_not_touch_one_another(monkeypatch) -> None:
    """An infinity or a NaN stays in its row, though a chunk waits for the one before."""
    monkeypatch.setattr(lanes, "_CHUNK", 1)
    for given in (terms(64, 1), terms(64, 2)):
        for bad in (jnp.inf, -jnp.inf, jnp.nan):
            got = jax.jit(lambda *given: lanes.sums_in_chunks(given))(given[0].at[2].set(bad), *given[1:])
            np.testing.assert_array_equal(got[0][2], bad)
            for sums, t in zip(got, given, strict=True):
                np.testing.assert_allclose(np.delete(sums, 2), np.delete(exact(t), 2), rtol=4 * EPS)


@pytest.mark.one_precision
def test_exported_for_any_number_of_rows_and_for_other_devices() -> None:
    rows = export.symbolic_shape("rows")[0]
    for shape, platforms in (((rows, 50), ["cpu"]), ((ROWS, 50), ["cpu", "cuda"])):
        given = [jax.ShapeDtypeStruct(shape, jnp.float64)] * 2
        exported = export.export(jax.jit(lambda x, y: row_sums(x, y)), platforms=platforms)(*given)
        for got, t in zip(exported.call(*terms(50, 2)), terms(50, 2), strict=True):
            np.testing.assert_allclose(got, exact(t), rtol=4 * EPS)


@pytest.mark.one_precision
def test_linear_under_every_transform() -> None:
    """Also where one of the sums is not used, whose cotangent is a symbolic zero."""
    x, y = terms(50, 2)

    def weighted(x, y):
        return sum(k * jnp.sin(1e-10 * s) for k, s in zip((2.0, 3.0), row_sums(x, x * y * 1e-9, y), strict=False))

    def plain(x, y):
        return 2.0 * jnp.sin(1e-10 * jnp.sum(x, -1)) + 3.0 * jnp.sin(1e-10 * jnp.sum(x * y * 1e-9, -1))

    def results(f):
        batched = jax.vmap(f, (0, None))
        return (
            jax.vmap(f)(x, y),
            jax.grad(lambda x, y: batched(x, y[0]).sum(), (0, 1))(x, y),
            jax.jvp(jax.vmap(f), (x, y), (y, x)),
            jax.hessian(f)(x[0], y[0]),
        )

    for got, want in zip(
        *(jax.tree.leaves(jax.jit(functools.partial(results, f))()) for f in (weighted, plain)), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-22)
