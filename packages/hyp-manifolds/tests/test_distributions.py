"""Shapes, dtypes, gradients, transformations and bad input of all distributions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import (
    MODELS,
    Euclidean,
    Hyperboloid,
    Joint,
    Mixture,
    Poincare,
    Product,
    RiemannianNormal,
    Sphere,
    UniformBall,
    WrappedNormal,
    kl_divergence,
    log_ball_volume,
)

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
KEY = jax.random.key(0)
BALL, SHEET, SPACE = Poincare(), Hyperboloid(), Product.from_signature("P2 E1")
MEANS = jnp.array([[[0.1, 0.2], [0.0, 0.0]], [[0.3, -0.1], [0.2, 0.2]], [[0.0, 0.5], [0.1, 0.0]]], DTYPE)  # (3, 2, 2)


def wrapped_at(mean):
    return WrappedNormal(BALL, mean, 1.0, scale=0.5)


def everything(mean=MEANS[0, 0], c=1.0):
    """One distribution of every kind, on the disk and on a product."""
    wrapped = WrappedNormal(BALL, mean, c, scale=0.5)
    two = WrappedNormal(BALL, jnp.stack([mean, -mean]), c, scale=jnp.array([0.3, 0.6], mean.dtype))
    flat = RiemannianNormal(Euclidean(), mean[:1], 0.0, scale=1.5)
    return {
        "scale": wrapped,
        "scale_diag": WrappedNormal(BALL, mean, c, scale_diag=jnp.array([0.4, 0.2], mean.dtype)),
        "scale_tril": WrappedNormal(BALL, mean, c, scale_tril=jnp.array([[0.4, 0], [0.1, 0.3]], mean.dtype)),
        "covariance": WrappedNormal(BALL, mean, c, covariance=jnp.array([[0.4, 0.1], [0.1, 0.3]], mean.dtype)),
        "riemannian": RiemannianNormal(BALL, mean, c, scale=0.5),
        "ball": UniformBall(BALL, mean, 0.8, c),
        "mixture": Mixture(jnp.array([0.3, -0.2], mean.dtype), two),
        "joint": Joint(SPACE, [UniformBall(BALL, mean, 0.8, c), flat]),
    }


KINDS = list(everything())


@functools.partial(jax.jit, static_argnums=2)
def draws(d, key, shape):
    z = d.sample(key, shape)
    return z, d.log_prob(z)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_dtypes_and_finite_values(kind):
    d = everything()[kind]
    z, logs = draws(d, KEY, (5, 3))
    assert z.shape == (5, 3, *d.event_shape) and logs.shape == (5, 3)
    assert z.dtype == logs.dtype == d.dtype == DTYPE
    assert np.all(np.isfinite(z)) and np.all(np.isfinite(logs))
    assert np.all(jax.vmap(lambda p: d.manifold.is_in_manifold(p, 1.0))(z.reshape(15, -1)))
    entropy = d.entropy(KEY, 64)
    assert entropy.value.shape == entropy.standard_error.shape == ()
    assert np.isfinite(entropy.value) and entropy.value.dtype == DTYPE


def test_integers_are_numbers():
    x = MEANS[1, 0]
    one, real = (WrappedNormal(BALL, MEANS[0, 0], 1, scale=k) for k in (1, 1.0))
    assert one.log_prob(x) == real.log_prob(x) and one.log_prob(x).dtype == DTYPE


def test_errors_of_independent_parts_add_in_squares():
    two = WrappedNormal(BALL, MEANS[0], 1.0, scale=jnp.array([0.3, 0.6], DTYPE))
    parts = [Mixture(jnp.array([0.3, k], DTYPE), two) for k in (-0.2, 1.0)]
    got = Joint(Product.from_signature("P2 P2"), parts).entropy(KEY, 64)
    own = [p.entropy(k, 64) for p, k in zip(parts, jax.random.split(KEY, 2), strict=True)]
    np.testing.assert_allclose(got.value, sum(e.value for e in own), rtol=1e-6)
    np.testing.assert_allclose(got.standard_error, np.hypot(*(e.standard_error for e in own)), rtol=1e-6)
    assert all(e.standard_error > 0 for e in own)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_finite_at_the_mean_and_far_out(kind):
    d = everything()[kind]
    at = jnp.stack([MEANS[0, 0], jnp.zeros(2, DTYPE), jnp.array([0.9999, 0.0], DTYPE), -MEANS[0, 0]])
    if kind == "joint":
        at = jnp.concatenate([at, jnp.array([0.1, 0.0, 1e3, 0.2], DTYPE)[:, None]], -1)

    def density(d, z):
        logs = d.log_prob(z)
        return jnp.sum(jnp.where(jnp.isfinite(logs), logs, 0.0))

    def drawn(d):
        return jnp.sum(jnp.sin(d.sample(KEY, (7,))))

    slopes = jax.tree.leaves((jax.grad(density, (0, 1))(d, at), jax.grad(drawn)(d)))
    assert all(np.all(np.isfinite(s)) for s in slopes)


@pytest.mark.one_precision
@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_them(name):
    manifold, n, c = MODELS[name], 3, 0.6
    x = manifold.create_origin(c, n).astype(DTYPE)
    for d in (
        WrappedNormal(manifold, x, c, scale_diag=jnp.array([0.3, 0.4, 0.5], DTYPE)),
        RiemannianNormal(manifold, x, c, scale=0.4),
        UniformBall(manifold, x, 1.0, c),
    ):
        z = d.sample(KEY, (4,))
        logs = d.log_prob(z)
        assert np.all(np.isfinite(logs)) and np.all(jax.vmap(lambda p: manifold.is_in_manifold(p, c))(z))
        slope = jax.jit(jax.grad(d.log_prob))(x)
        assert np.all(np.isfinite(slope))


def test_batches_are_what_the_shapes_say():
    scale = jnp.array([0.3, 0.6], DTYPE)
    d = WrappedNormal(BALL, MEANS, 1.0, scale=scale)
    assert d.batch_shape == (3, 2) and d.event_shape == (2,)
    z, logs = draws(d, KEY, (4,))
    assert z.shape == (4, 3, 2, 2) and logs.shape == (4, 3, 2)
    one = WrappedNormal(BALL, MEANS[2, 1], 1.0, scale=scale[1])
    np.testing.assert_allclose(one.log_prob(z[:, 2, 1]), logs[:, 2, 1], rtol=1e-5)
    assert d.log_prob(z[0, 0, 0]).shape == (3, 2)
    assert d.entropy().value.shape == (3, 2)


def test_a_square_array_is_never_guessed():
    """(2, 2) numbers are scales of a (2, 2) batch, diagonals of 2 distributions, or one covariance: the name says."""
    square = jnp.array([[0.5, 0.1], [0.1, 0.4]], DTYPE)
    mean = jnp.zeros(2, DTYPE)
    shapes = {"scale": (2, 2), "scale_diag": (2,), "covariance": ()}
    for name, batch in shapes.items():
        d = WrappedNormal(BALL, mean, 1.0, **{name: square})
        assert d.batch_shape == batch
        assert d.log_prob(MEANS[0, 0]).shape == batch
    for kind in (RiemannianNormal(BALL, mean, 1.0, scale=square), UniformBall(BALL, mean, square, 1.0)):
        assert kind.batch_shape == (2, 2) and kind.sample(KEY, (3,)).shape == (3, 2, 2, 2)


@pytest.mark.one_precision
def test_far_points_have_finite_densities():
    """On the hyperboloid at radius 60, where cosh leaves no digit: -r^2/(2 s^2) and its volume term stay."""
    r, s = 60.0, 2.0
    z = jnp.array([np.cosh(r), np.sinh(r), 0.0], DTYPE)
    d = WrappedNormal(SHEET, SHEET.create_origin(1.0, 2), 1.0, scale=s)
    want = -0.5 * (r / s) ** 2 - np.log(2 * np.pi * s * s) - (r - np.log(2 * r))
    np.testing.assert_allclose(d.log_prob(z), want, rtol=1e-5)
    assert np.all(np.isfinite(jax.grad(d.log_prob)(z)))


@pytest.mark.parametrize("make", [functools.partial(RiemannianNormal, BALL), functools.partial(WrappedNormal, BALL)])
def test_samples_move_with_their_parameters(make):
    """The reparameterised gradient is that of the same draw with other parameters."""

    def drawn(scale, c):
        return make(MEANS[0, 0], c, scale=scale).sample(KEY, (6,))

    step, at = (1e-4, (0.5, 0.8)) if np.float64 == DTYPE else (1e-2, (0.5, 0.8))
    for which in (0, 1):
        slope = jax.jacfwd(drawn, which)(*map(DTYPE, at))
        up, down = ([*at], [*at])
        up[which] += step
        down[which] -= step
        measured = (drawn(*up) - drawn(*down)) / (2 * step)
        np.testing.assert_allclose(slope, measured, atol=1e-3 if np.float32 == DTYPE else 1e-7)


def test_the_radius_of_a_uniform_ball_moves_its_samples():
    def drawn(radius):
        return UniformBall(BALL, MEANS[0, 0], radius, 1.0).sample(KEY, (6,))

    step = 1e-2 if np.float32 == DTYPE else 1e-4
    slope = jax.jacrev(drawn)(DTYPE(0.9))
    np.testing.assert_allclose(slope, (drawn(0.9 + step) - drawn(0.9 - step)) / (2 * step), atol=1e-3)


def test_pytrees_under_vmap_scan_and_jit():
    d = WrappedNormal(BALL, MEANS[:, 0], jnp.asarray(1.0, DTYPE), scale=jnp.array([0.2, 0.3, 0.4], DTYPE))
    z = d.sample(KEY)
    axes = jax.tree.map(lambda a: None if a.ndim == 0 else 0, d)
    mapped = jax.vmap(lambda d, z: d.log_prob(z), in_axes=(axes, 0))(d, z)
    np.testing.assert_allclose(mapped, d.log_prob(z), rtol=1e-6)

    def descend(d, _):
        slope = jax.grad(lambda d: -jnp.sum(d.log_prob(z)))(d)
        return jax.tree.map(lambda a, g: a - 1e-3 * g, d, slope), None

    moved, _ = jax.jit(lambda d: jax.lax.scan(descend, d, None, 3))(d)
    assert isinstance(moved, WrappedNormal) and moved.form == "scale"
    assert not np.allclose(moved.spread, d.spread)
    with pytest.raises(AttributeError, match="immutable"):
        moved.mean = z


def test_mixtures():
    parts = WrappedNormal(BALL, MEANS[:, 0], 1.0, scale=jnp.array([0.2, 0.3, 0.4], DTYPE))
    logits = jnp.array([0.5, -1.0, -np.inf], DTYPE)
    d = Mixture(logits, parts)
    z = d.sample(KEY, (4000,))
    weights = np.exp([0.5, -1.0])
    weights = weights / weights.sum()
    each = np.asarray(parts.log_prob(z[:, None]), np.float64)
    want = np.log(weights[0] * np.exp(each[:, 0]) + weights[1] * np.exp(each[:, 1]))
    np.testing.assert_allclose(d.log_prob(z), want, atol=1e-4)
    nearest = np.argmin(np.linalg.norm(np.asarray(z)[:, None] - np.asarray(MEANS[:2, 0]), axis=-1), 1)
    assert 0.65 < np.mean(nearest == 0) < 0.85  # .82 drawn from the first, some of them nearer the second
    assert np.all(np.isfinite(jax.grad(lambda a: jnp.sum(Mixture(a, parts).log_prob(z)))(logits)))
    batch = Mixture(jnp.zeros(2, DTYPE), WrappedNormal(BALL, MEANS, 1.0, scale=0.3))
    assert batch.batch_shape == (3,) and batch.sample(KEY, (5,)).shape == (5, 3, 2)
    assert batch.log_prob(MEANS[0, 0]).shape == (3,)


def test_joints():
    ball, flat = (
        UniformBall(BALL, MEANS[0, 0], 0.8, 1.0),
        RiemannianNormal(Euclidean(), MEANS[0, 0, :1], 0.0, scale=1.5),
    )
    d = Joint(SPACE, [ball, flat])
    z = d.sample(KEY, (6,))
    p, q = SPACE.split(z)
    np.testing.assert_allclose(d.log_prob(z), ball.log_prob(p) + flat.log_prob(q), rtol=1e-6)
    np.testing.assert_allclose(d.entropy().value, ball.entropy().value + flat.entropy().value, rtol=1e-6)
    wider = Joint(
        SPACE, [UniformBall(BALL, MEANS[0, 0], 1.6, 1.0), UniformBall(Euclidean(), MEANS[0, 0, :1], 9.0, 0.0)]
    )
    same = Joint(SPACE, [ball, UniformBall(Euclidean(), MEANS[0, 0, :1], 3.0, 0.0)])
    want = log_ball_volume(BALL, 2, 1.6, 1.0) - ball.log_volume() + np.log(3.0)
    np.testing.assert_allclose(kl_divergence(same, wider).value, want, rtol=1e-5)
    with pytest.raises(ValueError, match="no closed form here; pass `key`"):
        kl_divergence(same, Joint(SPACE, [wrapped_at(MEANS[0, 0]), flat]))


@pytest.mark.one_precision
def test_bfloat16_is_kept():
    for d in everything(MEANS[0, 0].astype(jnp.bfloat16)).values():
        z = d.sample(KEY, (3,))
        assert z.dtype == d.log_prob(z).dtype == jnp.bfloat16


def bad():
    mean = jnp.zeros(2, DTYPE)
    wrapped = functools.partial(WrappedNormal, BALL, mean, 1.0)
    yield lambda: wrapped(), "exactly one of scale, scale_diag, scale_tril, covariance; got none"
    yield lambda: wrapped(scale=1.0, scale_diag=jnp.ones(2, DTYPE)), "got scale, scale_diag"
    yield lambda: wrapped(scale=-1.0), "`scale` must be positive and finite, got -1.0"
    yield lambda: wrapped(scale=jnp.array([0.1, jnp.nan], DTYPE)), "got nan"
    yield lambda: wrapped(scale_diag=jnp.ones(3, DTYPE)), r"`scale_diag` must have shape \(..., 2\), got \(3,\)"
    yield lambda: wrapped(covariance=jnp.array([[1, 2], [2, 1]], DTYPE)), "symmetric and positive definite"
    yield lambda: wrapped(covariance=jnp.array([[1, 0.5], [0, 1]], DTYPE)), "symmetric and positive definite"
    yield lambda: wrapped(scale_tril=jnp.array([[1, 1], [0, 1]], DTYPE)), "lower triangular"
    yield lambda: wrapped(scale=jnp.ones(3, jnp.bfloat16)), "points' dtype"
    yield lambda: wrapped(scale="wide"), "wide|not a valid JAX type"
    yield lambda: WrappedNormal(Poincare, mean, 1.0, scale=1.0), "must be a Manifold"
    yield lambda: WrappedNormal(BALL, mean, -1.0, scale=1.0), "`c` must be positive"
    yield lambda: WrappedNormal(BALL, MEANS, 1.0, scale=jnp.ones(3, DTYPE)), "do not broadcast"
    yield lambda: WrappedNormal(Sphere(), jnp.eye(3, dtype=DTYPE)[0], 1.0, scale=2.5), "expected at most 2"
    yield lambda: RiemannianNormal(BALL, mean, 1.0, scale=0.0), "`scale` must be positive and finite, got 0.0"
    yield lambda: RiemannianNormal(SHEET, mean[:1], 1.0, scale=1.0), "coordinates, expected at least 2"
    yield lambda: UniformBall(BALL, mean, -1.0, 1.0), "`radius` must be positive and finite"
    yield (
        lambda: UniformBall(Sphere(), jnp.eye(3, dtype=DTYPE)[0], 3.2, 1.0),
        "at most half way round, 3.14159, got 3.2",
    )
    yield lambda: UniformBall(SPACE, SPACE.create_origin(1.0, 3), 1.0, 1.0), "Use Joint"
    yield lambda: log_ball_volume(SPACE, 3, 1.0, 1.0), "Use Joint"
    yield lambda: log_ball_volume(BALL, 0, 1.0, 1.0), "`dim` must be at least 1"
    yield lambda: wrapped(scale=1.0).sample(KEY, 3), r"a tuple of Python ints, such as \(100,\), got 3"
    yield lambda: wrapped(scale=1.0).log_prob(jnp.zeros(3, DTYPE)), r"must have shape \(..., 2\), got \(3,\)"
    yield lambda: wrapped(scale=1.0).log_prob(jnp.zeros(2, jnp.bfloat16)), "distribution's dtype"
    yield lambda: wrapped(scale_diag=jnp.ones(2, DTYPE)).entropy(), "no closed form here; pass `key`"
    yield lambda: wrapped(scale_diag=jnp.ones(2, DTYPE)).entropy(KEY, 0), "`num_samples` must be at least 1"
    yield lambda: kl_divergence(wrapped(scale=1.0), wrapped(scale=2.0)), "no closed form here; pass `key`"
    yield lambda: kl_divergence(wrapped(scale=1.0), 1.0), "`q` must be a Distribution, got float"
    yield (
        lambda: kl_divergence(wrapped(scale=1.0), WrappedNormal(Euclidean(), mean, 0.0, scale=1.0), KEY),
        "same manifold",
    )
    yield lambda: Mixture(jnp.zeros(2, DTYPE), wrapped(scale=1.0)), r"must have a batch shape \(..., K\), got \(\)"
    yield lambda: Mixture(jnp.zeros(2, DTYPE), 1.0), "`components` must be a Distribution"
    yield (
        lambda: Mixture(jnp.zeros((4, 2), DTYPE), wrapped(scale=jnp.ones(2, DTYPE))),
        "must broadcast to the components' batch shape",
    )
    yield lambda: Joint(BALL, [wrapped(scale=1.0)]), "must be a Product"
    yield lambda: Joint(SPACE, [wrapped(scale=1.0)]), "holds 1 distributions, expected 2"
    yield lambda: Joint(SPACE, [wrapped(scale=1.0)] * 2), r"`parts\[1\]` must live on Euclidean"
    yield lambda: Joint(SPACE, [wrapped(scale=1.0), 1.0]), r"`parts\[1\]` must be a Distribution, got float"

    def flat(mean):
        return RiemannianNormal(Euclidean(), mean[..., :1], 0.0, scale=1.5)

    yield lambda: Joint(SPACE, [wrapped(scale=1.0), flat(mean.astype(jnp.bfloat16))]), "must share one dtype"
    yield lambda: Joint(SPACE, [wrapped(scale=1.0), flat(MEANS)]), r"one batch shape, got \(\), \(3, 2\)"
    yield lambda: UniformBall(BALL, jnp.asarray(0.1, DTYPE), 1.0, 1.0), "got a scalar"


@pytest.mark.one_precision
@pytest.mark.parametrize("index", range(len(list(bad()))))
def test_bad_input_is_refused(index):
    call, message = list(bad())[index]
    with pytest.raises((TypeError, ValueError), match=message):
        call()
