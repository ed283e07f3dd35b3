"""The loss, the step it leads to, and runs as a whole."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_bench.edges import parse_edges
from hyp_bench.metric import reconstruction
from hyp_bench.sampling import draw_negatives, graph_on_device, shuffled_batches
from hyp_bench.training import Settings, epoch_key, radii, run_epoch, softmax_loss, start_points, train
from hyp_manifolds import Euclidean, Hyperboloid, Poincare

MODELS = [Poincare(), Hyperboloid(), Euclidean()]
HYPERBOLIC = MODELS[:2]
name_of = lambda m: type(m).__name__  # noqa: E731


def tree_closure(depth=3, children=3):
    """A regular tree, every node with all its ancestors."""
    lines = []

    def grow(name, ancestors, left):
        lines.extend(f"{name}\t{above}\n" for above in ancestors)
        for i in range(children if left else 0):
            grow(f"{name}{i}", [*ancestors, name], left - 1)

    grow("r", [], depth)
    return parse_edges("".join(lines).encode(), "tree")


# Steps in a block of the epochs below: fewer than an epoch has, so that there are several blocks.
STEPS = 5
TREE = tree_closure()


def spread_points(manifold, nodes, dim=3):
    """Points far enough from the origin that every metric differs from the flat one."""
    keys = jax.random.split(jax.random.key(7), nodes)
    return jax.jit(jax.vmap(lambda k: manifold.random_point(k, dim, 1.0)))(keys)


def only_points(manifold, tree=TREE, epochs=3, **options):
    *_, last = train(tree, manifold, Settings(3, **options), epochs)
    return np.asarray(last.points)


def one_epoch(table, graph, key, rate, manifold, settings, halvings):
    sizes = {
        "batch_size": settings.batch_size,
        "block_steps": STEPS,
        "negatives": settings.negatives,
        "halvings": halvings,
    }
    # The epoch donates the table it is given.
    return run_epoch(jnp.array(table), graph, key, rate, False, manifold=manifold, **sizes)


@pytest.mark.parametrize("manifold", MODELS, ids=name_of)
def test_loss_equals_the_formula(manifold):
    points = spread_points(manifold, 10)
    anchors, candidates = points[:2], points[2:].reshape(2, 4, -1)
    dist = jax.jit(manifold.dist)
    excluded = jnp.asarray([[False, True, False], [False, False, False]])
    weights = jnp.asarray([1.0, 3.0])
    total = 0.0
    for i in range(2):
        scores = [np.exp(-float(dist(anchors[i], candidates[i, j], 1.0))) for j in range(4)]
        kept = [scores[0]] + [s for s, out in zip(scores[1:], excluded[i], strict=True) if not out]
        total -= float(weights[i]) * np.log(scores[0] / sum(kept))
    loss = softmax_loss(anchors, candidates, excluded, weights, manifold)
    assert float(loss) == pytest.approx(total / 2, rel=1e-5)


@pytest.mark.parametrize("manifold", MODELS, ids=name_of)
def test_loss_gradient_is_the_weighted_sum_of_distance_gradients(manifold):
    points = spread_points(manifold, 10)
    anchors, candidates = points[:2], points[2:].reshape(2, 4, -1)
    excluded = jnp.asarray([[False, True, False], [False, False, True]])
    weights = jnp.asarray([1.0, 3.0])
    gradient = jax.jit(jax.grad(softmax_loss, (0, 1)), static_argnums=4)
    grad_anchors, grad_candidates = gradient(anchors, candidates, excluded, weights, manifold)
    slope = jax.jit(jax.grad(manifold.dist, (0, 1)))
    dist = jax.jit(manifold.dist)
    for i in range(2):
        scores = np.array([np.exp(-float(dist(anchors[i], candidates[i, j], 1.0))) for j in range(4)])
        scores[1:] *= ~np.asarray(excluded[i])
        # d/dd_0 of the loss is 1 - p_0, d/dd_j is -p_j.
        factors = (np.eye(4)[0] - scores / scores.sum()) * float(weights[i]) / 2
        slopes = [slope(anchors[i], candidates[i, j], 1.0) for j in range(4)]
        expected = sum(f * np.asarray(s[0]) for f, s in zip(factors, slopes, strict=True))
        np.testing.assert_allclose(grad_anchors[i], expected, rtol=2e-4, atol=1e-5)
        for j in range(4):
            np.testing.assert_allclose(
                grad_candidates[i, j], factors[j] * np.asarray(slopes[j][1]), rtol=2e-4, atol=1e-5
            )
    assert not np.any(grad_candidates[0, 2])


@pytest.mark.parametrize("manifold", MODELS, ids=name_of)
@pytest.mark.parametrize("batch_size", [1, 40], ids=["sparse", "dense"])
def test_an_epoch_is_a_chain_of_exact_exponential_map_steps(manifold, batch_size):
    tree = tree_closure(depth=2, children=4)
    settings = Settings(3, batch_size=batch_size, negatives=2)
    graph, halvings = graph_on_device(tree)
    table = spread_points(manifold, tree.num_nodes)
    rate = jnp.asarray(0.3, table.dtype)
    key = epoch_key(0, 0)
    moved, mean_loss = one_epoch(table, graph, key, rate, manifold, settings, halvings)

    @jax.jit
    def exact_and_flat_step(table, children, candidates, excluded, weight):
        loss, grad = jax.value_and_grad(lambda t: softmax_loss(t[children], t[candidates], excluded, weight, manifold))(
            table
        )
        step = jax.vmap(lambda x, g: manifold.expmap(-rate * manifold.egrad2rgrad(g, x, 1.0), x, 1.0))
        return loss, step(table, grad), table - rate * grad

    key_order, key_negatives = jax.random.split(key)
    ids, weights = shuffled_batches(key_order, graph, batch_size, STEPS)
    keys = jax.random.split(key_negatives, len(ids))
    drawn = [draw_negatives(k, graph, graph.children[b], 2, False, halvings) for k, b in zip(keys, ids, strict=True)]
    negatives, excluded = (jnp.concatenate(parts) for parts in zip(*drawn, strict=True))
    exact, total, bend = table, 0.0, 0.0
    batches = ids.reshape(-1, batch_size), weights.reshape(-1, batch_size)
    for edge, weight, against, out in zip(*batches, negatives, excluded, strict=True):
        candidates = jnp.concatenate([graph.parents[edge][:, None], against], axis=1)
        loss, exact, flat = exact_and_flat_step(exact, graph.children[edge], candidates, out, weight)
        total += float(loss) * batch_size / graph.num_edges
        bend = max(bend, float(jnp.abs(exact - flat).max()))
    tolerance = 1e-9 if table.dtype == jnp.float64 else 2e-4
    np.testing.assert_allclose(moved, exact, rtol=tolerance, atol=tolerance)
    assert float(mean_loss) == pytest.approx(total, rel=1e-4)
    assert bend < 1e-6 if isinstance(manifold, Euclidean) else bend > 1e-2


@pytest.mark.parametrize("manifold", MODELS, ids=name_of)
def test_the_start_is_close_to_the_origin_and_on_the_manifold(manifold):
    points = start_points(500, manifold, Settings(3))
    distances = np.asarray(radii(points, manifold))
    # The ball's metric is 4 |dx|^2 at the origin.
    scale = 2.0 if isinstance(manifold, Poincare) else 1.0
    assert distances.max() <= scale * 1.001e-3 * np.sqrt(3)
    assert distances.mean() > 0.3e-3
    assert all(manifold.is_in_manifold(x, 1.0) for x in points[:3])


@pytest.mark.parametrize("manifold", HYPERBOLIC, ids=name_of)
def test_a_resumed_run_has_the_same_bits(manifold):
    runs = [np.array(progress.points) for progress in train(TREE, manifold, Settings(3, burn_in=2), 5)]
    *_, last = train(TREE, manifold, Settings(3, burn_in=2), 5, points=jnp.asarray(runs[1]), done=2)
    assert np.asarray(last.points).tobytes() == runs[-1].tobytes()


def test_the_seed_decides():
    first, again, other = (only_points(Poincare(), seed=seed) for seed in (0, 0, 1))
    assert first.tobytes() == again.tobytes()
    assert not np.allclose(first, other)


def test_burn_in_changes_rate_and_negatives():
    plain, gentle = (only_points(Poincare(), epochs=1, burn_in=burn_in) for burn_in in (0, 1))
    assert np.abs(gentle).max() < 0.5 * np.abs(plain).max()


def test_weights_pull_harder():
    heavy = dataclasses.replace(TREE, weights=np.where(TREE.pairs[:, 1] == 0, 50.0, 1.0))
    plain, weighted = (only_points(Poincare(), tree) for tree in (TREE, heavy))
    assert not np.allclose(plain, weighted)
    doubled = dataclasses.replace(TREE, weights=2.0 * TREE.weights)
    assert only_points(Poincare(), doubled).tobytes() == plain.tobytes()


@pytest.mark.parametrize("manifold", HYPERBOLIC, ids=name_of)
def test_a_small_tree_is_reconstructed(manifold):
    losses = []
    for progress in train(TREE, manifold, Settings(5), 150):
        losses.append(progress.loss)
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.5 * losses[0]
    assert reconstruction(progress.points, TREE.pairs, manifold, 1.0).mean_average_precision > 0.9


def test_a_graph_without_negatives_stays_finite():
    edges = parse_edges(b"a\tb\n", "f")
    *_, last = train(edges, Poincare(), Settings(2, negatives=3), 3)
    assert last.loss == 0.0
    assert np.isfinite(np.asarray(last.points)).all()


def test_starting_points_are_checked():
    points = np.array(start_points(TREE.num_nodes, Poincare(), Settings(3)))
    with pytest.raises(ValueError, match="must have shape"):
        next(train(TREE, Poincare(), Settings(2), 1, points=jnp.asarray(points)))
    points[4] = np.nan
    with pytest.raises(ValueError, match="row 4"):
        next(train(TREE, Poincare(), Settings(3), 1, points=jnp.asarray(points)))
