"""Problems with known optima: each method reaches them within a stated number of iterations."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hyp_manifolds import Hyperboloid, Poincare, Sphere, frechet_mean
from hyp_optim import (
    ManifoldSpec,
    riemannian_adagrad,
    riemannian_adam,
    riemannian_cg,
    riemannian_gradient,
    riemannian_lbfgs,
    riemannian_line_search,
    riemannian_sgd,
    riemannian_trust_region,
    scale_by_riemannian_momentum,
)
from hyp_optim._space import Curved
from hyp_optim.minimize import lbfgs
from hyp_optim.minimize._space import Problem, TreeSpace

pytestmark = pytest.mark.one_precision  # test_laws.py judges the steps in both

BALL, SPHERE, HYP = Poincare(), Sphere(), Hyperboloid()
METHODS = {"cg": (riemannian_cg, 60), "lbfgs": (riemannian_lbfgs, 40), "trust_region": (riemannian_trust_region, 15)}
EPS = float(jnp.finfo(jnp.zeros(())).eps)
CLOSE = 10 * EPS**0.5


def cloud(m, dim=3, n=12, std=0.7, seed=3):
    keys = jax.random.split(jax.random.key(seed), n)
    return jax.jit(jax.vmap(lambda k: m.random_point(k, dim, 1.0, std=std)))(keys)


@functools.cache
def mean_of(m):
    return np.asarray(frechet_mean(m, cloud(m), None, 1.0).mean)


def mean_problem(m):
    data = cloud(m)
    return (lambda x: jnp.mean(jax.vmap(lambda p: m.sqdist(x, p, 1.0))(data)) / 2), data[0], m


def rayleigh_problem():
    a = jnp.diag(jnp.array([1.0, 2.0, 3.5, 5.0])) + 0.1
    x = jnp.array([0.5, 0.5, 0.5, 0.5])
    return (lambda x: x @ a @ x / (x @ x)), x, SPHERE


def regression_problem():
    """A geodesic t -> exp_p(t v): a point, and a tangent at the origin that is transported to it."""
    p, u = cloud(BALL, n=1, seed=5)[0], jnp.array([0.3, -0.2, 0.4])
    t = jnp.linspace(-1, 1, 9)
    line = lambda q: jax.vmap(  # noqa: E731
        lambda s: BALL.expmap(s * BALL.ptransp_0(q["v"], q["p"], 1.0), q["p"], 1.0)
    )(t)
    data = line({"p": p, "v": u})
    loss = lambda q: jnp.sum(jax.vmap(lambda a, b: BALL.sqdist(a, b, 1.0))(line(q), data))  # noqa: E731
    return loss, {"p": jnp.zeros(3), "v": jnp.zeros(3)}, {"p": BALL, "v": None}, {"p": p, "v": u}


@pytest.mark.parametrize("name", METHODS)
def test_frechet_mean(name):
    m = HYP if name == "trust_region" else BALL
    method, most = METHODS[name]
    fun, x, manifold = mean_problem(m)
    result = jax.jit(lambda x: method(fun, x, manifolds=manifold))(x)
    expected = mean_of(m)
    assert result.converged and result.iterations <= most
    np.testing.assert_allclose(result.params, expected, atol=CLOSE)


@pytest.mark.parametrize("name", METHODS)
def test_rayleigh_quotient(name):
    method, most = METHODS[name]
    fun, x, manifold = rayleigh_problem()
    result = jax.jit(lambda x: method(fun, x, manifolds=manifold))(x)
    values, vectors = np.linalg.eigh(np.diag([1.0, 2.0, 3.5, 5.0]) + 0.1)
    assert result.iterations <= most
    np.testing.assert_allclose(result.value, values[0], rtol=1e-5)
    np.testing.assert_allclose(abs(result.params @ vectors[:, 0]), 1, rtol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_geodesic_regression(name):
    method, most = METHODS[name]
    fun, x, manifolds, truth = regression_problem()
    result = jax.jit(lambda x: method(fun, x, manifolds=manifolds))(x)
    assert result.iterations <= 2 * most
    for part, expected in truth.items():
        np.testing.assert_allclose(result.params[part], expected, atol=2e-3)


def test_the_trust_region_converges_quadratically():
    fun, x, manifold = mean_problem(BALL)
    run = jax.jit(lambda n: riemannian_trust_region(fun, x, max_iterations=n, tolerance=0.0, manifolds=manifold))
    norms = [float(run(n).gradient_norm) for n in range(6)]
    assert norms[-1] < 1e-5 or norms[-1] < norms[0] ** 4
    assert any(b < 0.05 * a for a, b in itertools.pairwise(norms))


@pytest.mark.parametrize("problem", ["mean", "rayleigh"])
def test_the_hessian_is_the_second_derivative_along_geodesics(problem):
    fun, x, manifold = mean_problem(BALL) if problem == "mean" else rayleigh_problem()
    space = TreeSpace((Curved(manifold, 1.0),))
    v = manifold.tangent_proj(jnp.array([0.3, -0.5, 0.2, 0.4][: x.size]), x, 1.0)
    (h,) = Problem(space, lambda leaves: fun(leaves[0])).hessian([x], [v])
    along = lambda t: fun(manifold.expmap(t * v, x, 1.0))  # noqa: E731
    second = jax.jit(jax.jacfwd(jax.jacfwd(along)))(0.0)
    np.testing.assert_allclose(manifold.tangent_inner(h, v, x, 1.0), second, rtol=1e-4, atol=1e-5)


def test_the_memory_of_lbfgs_moves_with_the_point():
    space, x = TreeSpace((Curved(SPHERE, 1.0),)), SPHERE.create_origin(1.0, 3)
    tangent = lambda v, p: SPHERE.tangent_proj(jnp.array(v), p, 1.0)  # noqa: E731
    d, g = tangent([0.0, 0.5, 0.1, 0.0], x), tangent([0.0, -1.0, 0.3, 0.2], x)
    y = SPHERE.expmap(d, x, 1.0)
    old = [tangent([0.0, 0.1, 0.2, 0.3], x)[None].repeat(2, 0)]
    memory = lbfgs._Memory(old, old, jnp.ones(2))
    s, _, rho = lbfgs._learn(space, memory, [x], [y], [d], 1.0, [g], [tangent([1.0, 0.5, 0.3, 0.2], y)])
    np.testing.assert_allclose(s[0][0], SPHERE.ptransp(old[0][1], x, y, 1.0), atol=1e-5)
    np.testing.assert_allclose(s[0][1], SPHERE.ptransp(d, x, y, 1.0), atol=1e-5)
    assert rho[0] == 1 and rho[1] > 0


@pytest.mark.parametrize(("name", "most"), [("cg", 60), ("lbfgs", 60), ("trust_region", 8)])
def test_an_ill_conditioned_quadratic(name, most):
    """Condition 1000 in 8 dimensions: gradient descent would need thousands of steps."""
    d = jnp.logspace(0, 3, 8)
    fun = lambda x: 0.5 * jnp.sum(d * (x - 1) ** 2)  # noqa: E731
    result = jax.jit(lambda x: METHODS[name][0](fun, x, tolerance=1e-2, manifolds=None))(jnp.zeros(8))
    assert result.converged and result.iterations <= most, result.iterations
    np.testing.assert_allclose(result.params, 1, atol=2e-2)


def test_a_moving_curvature_and_euclidean_leaves():
    goal = jnp.array([0.2, 0.1])
    spec = {"x": ManifoldSpec(BALL, None), "b": None}
    fun = lambda p: BALL.sqdist(p["x"], goal, 2.0) + jnp.sum((p["b"] - 1.5) ** 2)  # noqa: E731
    start = {"x": jnp.zeros(2), "b": jnp.zeros(3)}
    for method, _ in METHODS.values():
        result = jax.jit(lambda start, c, method=method: method(fun, start, manifolds=spec, c=c))(start, 2.0)
        np.testing.assert_allclose(result.params["x"], goal, atol=2e-3)
        np.testing.assert_allclose(result.params["b"], 1.5, atol=2e-3)


def test_bad_problems():
    with pytest.raises(TypeError, match=r"must return a real scalar, got float\d+\[2\]"):
        riemannian_cg(lambda x: x, jnp.zeros(2), manifolds=BALL)
    with pytest.raises(TypeError, match=r"params\['n'\] must be a floating array"):
        riemannian_lbfgs(lambda p: p["x"].sum(), {"x": jnp.zeros(2), "n": jnp.arange(2)}, manifolds=None)
    with pytest.raises(ValueError, match="must be a Python int of at least 1, got 0"):
        riemannian_lbfgs(jnp.sum, jnp.zeros(2), memory_size=0, manifolds=BALL)
    with pytest.raises(ValueError, match="no leaf of params carries a manifold"):
        riemannian_trust_region(jnp.sum, jnp.zeros(2))


# Optimizers ---------------------------------------------------------------------------------------------------------


def run(tx, fun, x, steps):
    def body(carry, _):
        x, state = carry
        value, grads = jax.value_and_grad(fun)(x)
        updates, state = tx.update(grads, state, x, value=value, grad=grads, value_fn=fun)
        return (optax.apply_updates(x, updates), state), value

    (x, state), values = jax.jit(lambda x: jax.lax.scan(body, (x, tx.init(x)), length=steps))(x)
    return x, state, values


@pytest.mark.parametrize("momentum", [False, True])
def test_line_search_descends_at_every_step(momentum):
    fun, x, m = mean_problem(BALL)
    links = [scale_by_riemannian_momentum(0.3, manifolds=m)] if momentum else []
    tx = optax.chain(riemannian_gradient(manifolds=m), *links, riemannian_line_search(manifolds=m))
    x, state, values = run(tx, fun, x, 60)
    assert np.all(np.diff(values) <= 8 * EPS * values[0])
    np.testing.assert_allclose(x, mean_of(BALL), atol=3e-3)
    assert state[-1].accepted
    np.testing.assert_allclose(state[-1].value, fun(x), rtol=1e-5)
    with pytest.raises(ValueError, match=r"value=..., grad=..., value_fn=..."):
        tx.update(x, tx.init(x), x)


TRAINED = {
    "momentum": (lambda specs: riemannian_sgd(0.2, momentum=0.6, manifolds=specs), 150),
    "adam": (lambda specs: riemannian_adam(optax.exponential_decay(0.1, 40, 0.5), manifolds=specs), 300),
    "adagrad": (lambda specs: riemannian_adagrad(0.5, manifolds=specs), 300),
}


@pytest.mark.parametrize("name", TRAINED)
def test_rules_find_known_optima(name):
    """The mean in the ball, the smallest eigenvector on the sphere and the geodesic, side by side in one program."""
    mean, x, _ = mean_problem(BALL)
    rayleigh, y, _ = rayleigh_problem()
    regression, q, specs, truth = regression_problem()
    make, steps = TRAINED[name]
    tx = make({"mean": BALL, "vector": SPHERE, "line": specs})
    fun = lambda p: mean(p["mean"]) + rayleigh(p["vector"]) + 0.1 * regression(p["line"])  # noqa: E731
    found, _, _ = run(tx, fun, {"mean": x, "vector": y, "line": q}, steps)
    np.testing.assert_allclose(found["mean"], mean_of(BALL), atol=5e-3)
    values, _ = np.linalg.eigh(np.diag([1.0, 2.0, 3.5, 5.0]) + 0.1)
    np.testing.assert_allclose(rayleigh(found["vector"]), values[0], rtol=1e-3)
    for part, expected in truth.items():
        np.testing.assert_allclose(found["line"][part], expected, atol=0.02)
