"""The digits task: its split, its training, its table, its picture and its options."""

import re
from typing import get_args, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hyp_bench import cli
from hyp_bench.digits.comparisons import COMPARISONS, measure
from hyp_bench.digits.data import load_split
from hyp_bench.digits.training import Budget, Trainer
from hyp_bench.report.comparison import Versus, winner
from hyp_bench.report.digits_png import with_room, write_digits_png
from hyp_bench.tasks.digits import Digits
from hyp_nn import ManifoldParam

pytestmark = pytest.mark.one_precision


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs `hyp-bench digits` in this process, without changing its float type; returns code, output and errors."""
    monkeypatch.setattr(cli, "_use_float64", lambda: None)

    def run(*arguments):
        code = cli.main(["digits", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def test_split_is_stratified_disjoint_and_leaves_the_test_images_alone():
    split, inner = load_split(3), load_split(3, validation=True)
    assert [len(part.y) for part in (*split, *inner)] == [1437, 360, 1149, 288]
    assert all(part.x.dtype == np.float32 and part.x.min() >= 0 and part.x.max() == 1 for part in split)
    shares = [np.bincount(part.y) / len(part.y) for part in split]
    np.testing.assert_allclose(*shares, atol=3e-3)
    rows = [{image.tobytes() for image in part.x} for part in (*split, *inner)]
    assert rows[0].isdisjoint(rows[1])
    assert rows[2] | rows[3] == rows[0]
    assert not np.array_equal(load_split(4).test.y, split.test.y)


@pytest.mark.parametrize("name", COMPARISONS)
def test_pairs_have_the_same_sizes(name):
    """A twin has as many weights; a hyperbolic hyperplane has a point where a flat one has a number."""

    def size(make):
        params = nnx.state(nnx.eval_shape(lambda: make(nnx.Rngs(0))), nnx.Param)
        variables = jax.tree.leaves(params, is_leaf=lambda v: isinstance(v, nnx.Variable))
        weights = [jax.tree.leaves(v)[0] for v in variables if not isinstance(v, ManifoldParam)]
        return sum(w.size for w in weights if w.ndim > 1)

    assert size(COMPARISONS[name].hyperbolic) == size(COMPARISONS[name].euclidean)


def test_training_learns_repeats_itself_and_differs_by_seed():
    mlr, split = COMPARISONS["mlr"]._replace(budget=Budget(4, 0.1)), load_split(0)
    first = measure(mlr.hyperbolic, mlr, split, [0, 1])
    assert first.accuracies.min() > 0.85
    points = first.network.head.bias
    assert isinstance(points, ManifoldParam) and np.abs(points[...]).max() > 1e-3
    trainer = Trainer(mlr.hyperbolic, mlr.loss, split.train, mlr.budget)
    kernels = [np.asarray(trainer.run(seed).head.kernel[...]) for seed in (0, 1)]
    np.testing.assert_array_equal(kernels[0], first.network.head.kernel[...])
    assert not np.allclose(*kernels)
    with pytest.raises(ValueError, match="a batch takes 2000 images"):
        Trainer(mlr.hyperbolic, mlr.loss, split.train, Budget(1, 0.1, 2000))


def test_three_neighbours_vote_and_the_nearest_breaks_a_tie():
    class Line:
        manifold = COMPARISONS["vae"].euclidean(nnx.Rngs(0)).manifold

        def codes(self, x):
            return x

    def part(places, digits):
        return type(load_split(0).train)(np.array([[p, 0.0] for p in places], np.float32), np.array(digits))

    train = part([0.0, 0.1, 0.2, 10.0, 10.1, 10.3], [4, 7, 7, 1, 2, 3])
    split = type(load_split(0))(train, part([0.0, 10.0], [0, 0]))
    assert COMPARISONS["vae"].predict(Line(), split).tolist() == [7, 1]


def test_shifted_images_are_moved_by_up_to_a_pixel():
    image = np.zeros((8, 8), np.float32)
    image[3, 5] = 1
    seen = []

    def network(x):
        seen.append(np.asarray(x).reshape(-1, 8, 8))
        return x[:, :10]

    x, y = np.tile(image.ravel(), (200, 1)), np.zeros(200, int)
    COMPARISONS["cnn-ball"].loss(network, jnp.asarray(x), jnp.asarray(y), jax.random.key(0))
    places = {tuple(map(int, place)) for place in np.argwhere(seen[0])[:, 1:]}
    assert places == {(row, column) for row in (2, 3, 4) for column in (4, 5, 6)}
    assert seen[0].sum() == 200


@pytest.mark.parametrize("make", [COMPARISONS["vae"].hyperbolic, COMPARISONS["vae"].euclidean])
def test_evidence_bound(make):
    """With a decoder that ignores the code, the bound is known; the flat divergence is that of two normals."""
    network = make(nnx.Rngs(0))
    network.pixels.kernel[...] = jnp.zeros((64, 64))
    x = load_split(0).train.x[:3]
    coding = 64 * np.log(2)  # logits 0
    loss = jax.jit(jax.vmap(lambda key: network.loss(jnp.asarray(x), key)))
    keys = jax.random.split(jax.random.key(0), 4000)
    if make is COMPARISONS["vae"].euclidean:
        mean, scale = (np.asarray(a, float) for a in (network.codes(x), network.posterior(x).spread))
        divergence = 0.5 * np.sum(mean**2 + scale**2 - 1 - 2 * np.log(scale), -1).mean()
        assert np.mean(loss(keys)) == pytest.approx(coding + divergence, abs=0.08)
    # A code that says nothing costs nothing, in every sample.
    for layer, bias in ((network.place, 0.0), (network.scale, np.log(np.e - 1))):
        layer.kernel[...], layer.bias[...] = jnp.zeros((64, 2)), jnp.full(2, bias, jnp.float32)
    loss = jax.jit(jax.vmap(lambda key: network.loss(jnp.asarray(x), key)))
    np.testing.assert_allclose(loss(keys), coding, rtol=1e-5)


def test_required_accuracies():
    required = {name: (c.required, c.reached(c.required)) for name, c in COMPARISONS.items()}
    assert required == {
        "mlr": (0.96, True),
        "mlp": (0.965, True),
        "bottleneck": (0.80, True),
        "cnn-ball": (0.98, True),
        "cnn-hyperboloid": (0.98, True),
        "vae": (0.58, False),
    }
    assert not COMPARISONS["mlr"].reached(0.9599)


@pytest.mark.parametrize(
    ("ours", "twin", "words"),
    [
        ([0.98, 0.99], [0.90, 0.91], "hyperbolic +.080"),
        ([0.90, 0.91], [0.98, 0.99], "Euclid wins +.080"),
        ([0.90, 0.95], [0.93, 0.93], "Euclid wins +.005*"),
        ([0.5], [0.25], "hyperbolic +.250"),
        ([0.5], [0.5], "nobody"),
    ],
)
def test_winner(ours, twin, words):
    assert winner(Versus("a", np.array(ours), np.array(twin), ">= 0", (1.0, 1.0))) == words


def test_images_with_room_do_not_overlap():
    places = np.random.default_rng(0).uniform(-0.7, 0.7, (300, 2))
    shown = places[with_room(places, 0.1)]
    gaps = np.abs(shown[:, None] - shown).max(-1) + np.eye(len(shown))
    assert 30 < len(shown) < 225 and gaps.min() >= 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((2, 8, 8))}, "as many images"),
        ({"digits": [1, 2, 10]}, "from 0 to 9"),
        ({"points": np.ones((3, 2))}, "outside the ball"),
        ({"points": np.zeros((0, 2))}, "at least 1"),
    ],
)
def test_pictures_that_cannot_be_drawn_are_refused(tmp_path, change, message):
    given = {"points": np.zeros((3, 2)), "images": np.zeros((3, 8, 8)), "digits": [0, 1, 2], "title": "", "caption": ""}
    with pytest.raises(ValueError, match=message):
        write_digits_png(tmp_path / "no.png", **given | change)
    assert not list(tmp_path.iterdir())


def test_a_quick_run_prints_the_table_and_leaves_the_picture(command, tmp_path):
    code, out, err = command("--quick", "--models", "bottleneck", "--out", tmp_path / "new")
    assert (code, err) == (0, "")
    assert "1,437 images to train, 360 to test (stratified, split 0); seeds 0 to 1" in out
    assert "sample standard deviation" in out and "3 epochs at 0.03" in out
    lines = out.splitlines()
    assert max(len(line) for line in lines if line.startswith(("|", "+"))) <= 100
    (row,) = (line for line in lines if "2-D bottleneck |" in line)
    assert re.search(r"\| +\.\d{3} \(\.\d{3}\) \| +\.\d{3} \(\.\d{3}\) \| +>= 0\.8 \|", row)
    assert re.search(r"Euclid wins \+|hyperbolic \+|nobody", row)
    assert ("does not win in: MLP, 2-D bottleneck" in out) == ("hyperbolic" not in row)
    assert [path.name for path in tmp_path.rglob("*.png")] == ["digits.png"]
    assert (tmp_path / "new" / "digits.png").read_bytes().startswith(b"\x89PNG")


def test_check_fails_below_what_is_required(command, tmp_path):
    code, out, _ = command("--models", "mlr", "--epochs", 1, "--seeds", 1, "--check", "--out", tmp_path)
    assert code == 1 and re.search(r"check: FAILED: MLR 0\.\d+ \(required >= 0\.96\)", out)
    assert not list(tmp_path.iterdir())  # no bottleneck, no picture


@pytest.mark.parametrize(
    "options",
    [("--seeds", 0), ("--epochs", 0), ("--seed", -1), ("--split", -1), ("--quick", "--check")],
    ids=str,
)
def test_bad_options(command, tmp_path, options):
    code, out, err = command(*options, "--out", tmp_path / "out")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert options[0] in err
    assert not (tmp_path / "out").exists()


def test_every_model_can_be_named():
    (choice, _) = get_args(get_type_hints(Digits)["models"])
    assert get_args(choice) == tuple(COMPARISONS)
