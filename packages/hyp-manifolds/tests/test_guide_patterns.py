"""Patterns of batching and compilation that users of single-point APIs write, with the same calls and orders."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Poincare

poincare = Poincare()
pytestmark = pytest.mark.one_precision  # calls and shapes


@pytest.fixture
def batches():
    keys = jax.random.split(jax.random.PRNGKey(0), 2)
    return tuple(0.3 * jax.random.uniform(key, (6, 2), minval=-1.0) for key in keys)


def rowwise(x_batch, y_batch, c=1.0):
    return np.array([poincare.dist(x, y, c) for x, y in zip(x_batch, y_batch, strict=True)])


class CountTraces:
    """Wraps a function and counts how often JAX runs its Python code."""

    def __init__(self, function) -> None:
        self.function, self.count = function, 0

    def __call__(self, x, y, c, version_idx=0):
        self.count += 1
        return self.function(x, y, c, version_idx)


def test_single_points() -> None:
    x, y = jnp.array([0.1, 0.2]), jnp.array([0.3, 0.4])
    distance = poincare.dist(x, y, c=1.0, version_idx=poincare.VERSION_MOBIUS_DIRECT)
    assert distance.shape == ()
    # arccosh(1 + 2|x - y|^2 / ((1 - |x|^2)(1 - |y|^2)))
    np.testing.assert_allclose(distance, np.arccosh(1 + 2 * 0.08 / (0.95 * 0.75)), rtol=1e-6)
    point = poincare.expmap_0(jnp.array([0.5, 0.0]), c=1.0)
    assert point.shape == (2,)
    np.testing.assert_allclose(point, [np.tanh(0.5), 0.0], rtol=1e-6)


def test_vmap_with_the_version_passed_through_by_position(batches) -> None:
    x_batch, y_batch = batches
    dist_fn = jax.vmap(poincare.dist, in_axes=(0, 0, None, None))
    distances = dist_fn(x_batch, y_batch, 1.0, poincare.VERSION_MOBIUS_DIRECT)
    assert distances.shape == (6,)
    np.testing.assert_allclose(distances, rowwise(x_batch, y_batch), rtol=1e-6)


def test_inline_vmap(batches) -> None:
    x_batch, y_batch = batches
    distances = jax.vmap(
        lambda x, y: poincare.dist(x, y, c=1.0, version_idx=poincare.VERSION_MOBIUS_DIRECT)
    )(x_batch, y_batch)  # fmt: skip
    np.testing.assert_allclose(distances, rowwise(x_batch, y_batch), rtol=1e-6)


def test_projecting_a_batch() -> None:
    x_batch = jax.random.normal(jax.random.PRNGKey(0), (100, 16))
    x_proj = jax.vmap(poincare.proj, in_axes=(0, None))(x_batch, 1.0)
    assert x_proj.shape == (100, 16)
    assert (np.linalg.norm(x_batch, axis=1) > 1).any() and (np.linalg.norm(x_proj, axis=1) < 1).all()
    assert jax.vmap(poincare.is_in_manifold, in_axes=(0, None))(x_proj, 1.0).all()


def test_distances_from_one_point_to_a_batch() -> None:
    origin = jnp.zeros(16)
    x_batch = jax.random.normal(jax.random.PRNGKey(0), (100, 16)) * 0.1
    distances = jax.vmap(
        lambda x: poincare.dist(origin, x, c=1.0, version_idx=poincare.VERSION_MOBIUS_DIRECT)
    )(x_batch)  # fmt: skip
    assert distances.shape == (100,)
    np.testing.assert_allclose(distances, 2 * np.arctanh(np.linalg.norm(x_batch, axis=1)), rtol=1e-5)


def test_points_outside_the_ball_in_the_guides_own_batch_stay_finite() -> None:
    x_batch = jax.random.normal(jax.random.PRNGKey(0), (100, 16)) * 0.3  # most rows lie outside the unit ball
    assert np.isfinite(jax.vmap(lambda x: poincare.dist(jnp.zeros(16), x, c=1.0))(x_batch)).all()


def test_exponential_map_of_a_batch_of_tangents() -> None:
    v_batch = jax.random.normal(jax.random.PRNGKey(0), (100, 16))
    base_point = jnp.zeros(16)
    points = jax.vmap(lambda v: poincare.expmap(v, base_point, c=1.0))(v_batch)
    assert points.shape == (100, 16)
    np.testing.assert_allclose(points, jax.vmap(poincare.expmap_0, (0, None))(v_batch, 1.0), rtol=1e-5)


def test_jit_of_the_bound_method() -> None:
    x, y = jnp.array([0.1, 0.2]), jnp.array([0.3, 0.4])
    dist_jit = jax.jit(poincare.dist, static_argnames=["version_idx"])
    distance = dist_jit(x, y, c=1.0, version_idx=poincare.VERSION_MOBIUS_DIRECT)
    eager = poincare.dist(x, y, c=1.0, version_idx=poincare.VERSION_MOBIUS_DIRECT)
    np.testing.assert_allclose(distance, eager, rtol=1e-6)


def test_curvature_is_dynamic_and_the_version_is_static() -> None:
    x, y = jnp.array([0.1, 0.2]), jnp.array([0.3, 0.4])
    counter = CountTraces(poincare.dist)
    dist_jit = jax.jit(counter, static_argnames=["version_idx"])
    values = [dist_jit(x, y, c=c, version_idx=0) for c in (1.0, 1.5, 2.5)]
    assert counter.count == 1 and len({float(v) for v in values}) == 3
    dist_jit(x, y, c=1.0, version_idx=1)
    assert counter.count == 2
    # the method itself, jitted directly, compiles as often
    direct = jax.jit(poincare.dist, static_argnames=["version_idx"])
    for c in (1.0, 1.5, 2.5):
        direct(x, y, c=c, version_idx=0)
    assert direct._cache_size() == 1
    direct(x, y, c=1.0, version_idx=1)
    assert direct._cache_size() == 2


def test_curvature_is_differentiable() -> None:
    x, y = jnp.array([0.1, 0.2]), jnp.array([0.3, 0.4])
    slope = jax.jit(jax.grad(poincare.dist, argnums=2))(x, y, 1.0)
    h = 1e-2
    difference = (poincare.dist(x, y, 1.0 + h) - poincare.dist(x, y, 1.0 - h)) / (2 * h)
    np.testing.assert_allclose(slope, difference, rtol=1e-3)


def test_jit_then_vmap(batches) -> None:
    @jax.jit
    def distance_fn(x, y, c):
        return poincare.dist(x, y, c, version_idx=poincare.VERSION_MOBIUS_DIRECT)

    distances = jax.vmap(distance_fn, in_axes=(0, 0, None))(*batches, 1.0)
    np.testing.assert_allclose(distances, rowwise(*batches), rtol=1e-6)


def test_vmap_then_jit_with_the_version_by_position(batches) -> None:
    x_batch, y_batch = batches
    dist_batched = jax.vmap(poincare.dist, in_axes=(0, 0, None, None))
    distances = jax.jit(dist_batched, static_argnames=["version_idx"])(
        x_batch, y_batch, 1.0, poincare.VERSION_MOBIUS_DIRECT
    )
    np.testing.assert_allclose(distances, rowwise(x_batch, y_batch), rtol=1e-6)
    combined = jax.jit(
        jax.vmap(poincare.dist, in_axes=(0, 0, None, None)), static_argnames=["version_idx"]
    )(x_batch, y_batch, 1.0, poincare.VERSION_MOBIUS_DIRECT)  # fmt: skip
    np.testing.assert_array_equal(combined, distances)


def test_warm_calls_do_not_compile_again() -> None:
    x, y = jnp.array([0.1, 0.2]), jnp.array([0.3, 0.4])
    dist_jit = jax.jit(poincare.dist, static_argnames=["version_idx"])
    for _ in range(5):
        jax.block_until_ready(dist_jit(x, y, c=1.0, version_idx=0))
    assert dist_jit._cache_size() == 1


def test_another_shape_compiles_again() -> None:
    dist_jit = jax.jit(poincare.dist, static_argnames=["version_idx"])
    for size in (16, 32, 16):
        dist_jit(jnp.full(size, 0.1), jnp.full(size, -0.05), c=1.0, version_idx=0)
    assert dist_jit._cache_size() == 2


def test_single_coordinates_are_not_points() -> None:
    x_batch = jnp.array([[0.1, 0.2], [0.3, 0.4]])
    dist_jit = jax.jit(poincare.dist, static_argnames=["version_idx"])
    with pytest.raises((TypeError, ValueError)):  # mapping over x_batch[:, 0] leaves numbers, not points
        jax.vmap(dist_jit, in_axes=(0, 0, None, None))(
            x_batch[:, 0], x_batch[:, 1], 1.0, poincare.VERSION_MOBIUS_DIRECT
        )
    y_batch = x_batch[::-1]
    distances = jax.vmap(dist_jit, in_axes=(0, 0, None, None))(x_batch, y_batch, 1.0, poincare.VERSION_MOBIUS_DIRECT)
    np.testing.assert_allclose(distances, rowwise(x_batch, y_batch), rtol=1e-6)


def test_processing_a_batch_with_dynamic_curvature() -> None:
    traces = []

    @jax.jit
    def process_batch(x_batch, c):
        traces.append(c)
        return jax.vmap(lambda x: poincare.proj(x, c))(x_batch)

    x_batch = jax.random.normal(jax.random.PRNGKey(0), (10, 8))
    for c in (1.0, 2.0, 4.0):
        assert (np.linalg.norm(process_batch(x_batch, c), axis=1) < 1 / np.sqrt(c)).all()
    assert len(traces) == 1

    @jax.jit
    def process_batch_fixed(x_batch):
        return jax.vmap(lambda x: poincare.proj(x, c=1.0))(x_batch)

    np.testing.assert_array_equal(process_batch_fixed(x_batch), process_batch(x_batch, 1.0))


def test_a_default_curvature_stays_dynamic() -> None:
    @jax.jit
    def with_default(x, c=1.0):
        return poincare.proj(x, c)

    x = jnp.array([3.0, 4.0])
    assert np.linalg.norm(with_default(x)) < 1
    assert np.linalg.norm(with_default(x, 4.0)) < 0.5


def test_chunks_give_what_the_whole_batch_gives() -> None:
    x_batch = 0.1 * jax.random.normal(jax.random.PRNGKey(0), (250, 8))
    some_fn = jax.jit(lambda x: poincare.logmap_0(x, 1.0))

    def process_large_batch(x_batch, chunk_size=100):
        results = []
        for i in range(0, len(x_batch), chunk_size):
            results.append(jax.vmap(some_fn)(x_batch[i : i + chunk_size]))
        return jnp.concatenate(results)

    np.testing.assert_allclose(process_large_batch(x_batch), jax.vmap(some_fn)(x_batch), rtol=1e-6)


def test_curvatures_of_another_length_than_the_batch() -> None:
    x_batch, y_batch, c_batch = jnp.array([[0.1, 0.2]]), jnp.array([[0.3, 0.4]]), jnp.array([1.0, 1.5])
    with pytest.raises(ValueError, match="inconsistent sizes"):
        jax.vmap(poincare.dist, in_axes=(0, 0, 0))(x_batch, y_batch, c_batch)
    assert jax.vmap(poincare.dist, in_axes=(0, 0, None))(x_batch, y_batch, 1.0).shape == (1,)


def test_one_curvature_per_row(batches) -> None:
    x_batch, y_batch = batches
    c_batch = jnp.linspace(0.5, 3.0, 6)
    distances = jax.vmap(poincare.dist, in_axes=(0, 0, 0))(x_batch, y_batch, c_batch)
    rows = [poincare.dist(x, y, c) for x, y, c in zip(x_batch, y_batch, c_batch, strict=True)]
    np.testing.assert_allclose(distances, np.array(rows), rtol=1e-6)


class TestNestedVmap:
    """All pairs of two batches."""

    points_a = jnp.array([[0.5, 0.0], [0.0, 0.5], [-0.5, 0.0]])
    points_b = jnp.array([[0.6, 0.6], [-0.6, 0.6], [0.6, -0.6], [-0.6, -0.6]])
    inner_map = staticmethod(jax.vmap(lambda a, b: poincare.dist(a, b, 1.0), in_axes=(None, 0)))

    def pairwise(self, a, b):
        return jax.vmap(self.inner_map, in_axes=(0, None))(a, b)

    def table(self):
        return np.array([[poincare.dist(a, b, 1.0) for b in self.points_b] for a in self.points_a])

    def test_paired(self) -> None:
        paired = jax.vmap(poincare.dist, in_axes=(0, 0, None))(self.points_a, self.points_b[:3], 1.0)
        np.testing.assert_allclose(paired, np.diagonal(self.table()), rtol=1e-6)

    def test_every_pair(self) -> None:
        distance_matrix = self.pairwise(self.points_a, self.points_b)
        assert distance_matrix.shape == (3, 4)
        np.testing.assert_allclose(distance_matrix, self.table(), rtol=1e-6)

    def test_in_one_expression(self) -> None:
        direct = jax.vmap(jax.vmap(poincare.dist, in_axes=(None, 0, None)), in_axes=(0, None, None))
        np.testing.assert_allclose(direct(self.points_a, self.points_b, 1.0), self.table(), rtol=1e-6)

    def test_with_axes_exchanged(self) -> None:
        other = jax.vmap(jax.vmap(poincare.dist, in_axes=(0, None, None)), in_axes=(None, 0, None))
        np.testing.assert_allclose(other(self.points_a, self.points_b, 1.0).T, self.table(), rtol=1e-6)

    def test_jit(self) -> None:
        jitted = jax.jit(self.pairwise)
        np.testing.assert_allclose(jitted(self.points_a, self.points_b), self.table(), rtol=1e-6)

    def test_gradient_of_the_sum(self) -> None:
        total = lambda a, b: jnp.sum(self.pairwise(a, b))  # noqa: E731
        gradients_a = jax.grad(total, argnums=0)(self.points_a, self.points_b)
        assert gradients_a.shape == (3, 2)
        by_pairs = [
            sum(jax.grad(poincare.dist)(a, b, 1.0) for b in self.points_b) for a in self.points_a
        ]  # fmt: skip
        np.testing.assert_allclose(gradients_a, np.array(by_pairs), rtol=1e-5, atol=1e-6)

    def test_gradient_of_the_sum_over_one_set_with_itself(self) -> None:
        total = lambda a: jnp.sum(self.pairwise(a, a))  # noqa: E731
        assert np.isfinite(jax.jit(jax.grad(total))(self.points_a)).all()
