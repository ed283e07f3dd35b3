"""The comparison: fair turns, verdicts, missing peers, promises, files and pages; no peer has to be installed."""

import io
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from hyp_bench import hostile
from hyp_bench.cli import main
from hyp_bench.compare import (
    GOALS,
    PEERS,
    Results,
    Row,
    Settings,
    cases,
    choose,
    judge,
    load,
    memory,
    runner,
    save,
    skipped,
)
from hyp_bench.compare.case import FORWARD, GRADIENT, Case, Ready, Work, of_jax
from hyp_bench.compare.cases import compile as compilation
from hyp_bench.compare.cases import layers, optimizers, pairwise, points, timed_cases, training
from hyp_bench.compare.cases.scaling import exponent
from hyp_bench.compare.floor import Ceilings
from hyp_bench.compare.measure import Verdicts, growth, measured
from hyp_bench.compare.page import write_page
from hyp_bench.compare.timing import Spread, in_turn, ratios
from hyp_bench.edges import EdgeList
from hyp_bench.errors import InputError
from rich.console import Console

pytestmark = [pytest.mark.one_precision, pytest.mark.slow]
CEILINGS = Ceilings(bandwidth=1e9, flops=1e9, dispatch=1e-6)
EPS = 2.0**-23


class Machine:
    """A clock that only moves when somebody works."""

    def __init__(self) -> None:
        self.now, self.log = 0.0, []

    def __call__(self) -> float:
        return self.now

    def worker(self, name: str, seconds: float, result: float = 1.0, **more) -> Ready:
        def run() -> None:
            self.now += seconds
            self.log.append(name)

        return Ready(run, lambda: np.array([result]), **more)


@pytest.fixture
def fair_process(fair_settings: None):
    """The settings are there, so `restart` has nothing to do; 64-bit mode is as it was."""
    import jax

    before = jax.config.read("jax_enable_x64")
    yield
    jax.config.update("jax_enable_x64", before)


def case_of(contenders: dict[str, Ready], mode: str = FORWARD, **more) -> Case:
    errors = {"judge": lambda result: {"to radius 5": abs(float(result[0]) - 1) / EPS}} if mode == FORWARD else {}
    builders = {name: lambda ready=ready: ready for name, ready in contenders.items()}
    return Case("points", "toy", "1 x 1", mode, builders, Work(1e6, 1e3), **(errors | more))


def rows_of(case: Case, verdicts: Verdicts | None = None, **more) -> dict[str, Row]:
    settings = Settings(memory=False, seconds=0.01, **more)
    found = measured(case, settings, CEILINGS, verdicts or Verdicts(), random.Random(0))
    return {row.library: row for row in found}


def test_all_run_in_every_round_and_ratios_are_those_of_the_work() -> None:
    machine = Machine()
    ready = {
        "hyp": machine.worker("hyp", 1e-3),
        "peer": machine.worker("peer", 3e-3),
        "many": machine.worker("many", 4e-3, repeats=2),
    }
    taken = in_turn(ready, machine, 0.1, random.Random(0))
    assert len({len(series) for series in taken.values()}) == 1 and len(taken["hyp"]) >= 5
    counted = machine.log[-3 * len(taken["hyp"]) :]
    assert all(sorted(counted[i : i + 3]) == ["hyp", "many", "peer"] for i in range(0, len(counted), 3))
    assert len({tuple(counted[i : i + 3]) for i in range(0, len(counted), 3)}) > 1  # in changing order
    over = ratios(taken, "hyp")
    assert over["peer"].median == pytest.approx(3) and over["many"].median == pytest.approx(2)


def test_the_spread_is_that_of_the_rounds() -> None:
    assert Spread.of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]) == (6.0, 2.0, 10.0)
    assert ratios({"hyp": [1.0, 2.0], "peer": [2.0, 8.0]}, "hyp")["peer"].median == 3.0


def test_a_wrong_result_is_marked_beside_its_time_and_a_failure_leaves_the_others() -> None:
    machine, verdicts = Machine(), Verdicts()

    def fails() -> None:
        raise ValueError("no such shape")

    ready = {
        "hyp": machine.worker("hyp", 1e-3),
        "wrong": machine.worker("wrong", 1e-4, result=1.01),
        "nan": machine.worker("nan", 1e-4, result=float("nan")),
        "fails": Ready(fails),
    }
    rows = rows_of(case_of(ready), verdicts)
    assert [rows[name].wrong for name in ("hyp", "wrong", "nan")] == [False, True, True]
    assert rows["wrong"].seconds is not None and rows["wrong"].errors["to radius 5"] == pytest.approx(0.01 / EPS)
    assert rows["fails"].seconds is None and "no such shape" in rows["fails"].note
    # The gradient, which nobody judges, keeps the verdict.
    again = rows_of(case_of({"hyp": ready["hyp"], "wrong": ready["wrong"]}, GRADIENT), verdicts)
    assert again["wrong"].wrong and not again["hyp"].wrong


def test_our_own_failure_is_no_row() -> None:
    def fails() -> None:
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        rows_of(case_of({"hyp": Ready(fails)}))


def test_the_floor_is_the_slowest_of_traffic_arithmetic_and_dispatch() -> None:
    assert CEILINGS.floor(Work(1e9, 1)) == 1.0
    assert CEILINGS.floor(Work(1, 2e9)) == 2.0
    assert CEILINGS.floor(Work(1, 1)) == 1e-6


def test_missing_peers_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in ("geoopt", "gensim") else object())
    present, missing = choose(("hyperbolix", "geoopt", "hypll", "gensim"))
    assert present == ["hyperbolix", "hypll"] and missing == ["geoopt", "gensim"]
    lines = skipped(missing)
    assert "geoopt is not installed" in lines[0] and 'pip install hyp-bench "geoopt==0.5.1" "torch>=2.6"' in lines[0]
    assert "training" in lines[1] and 'pip install hyp-bench "gensim' in lines[1]
    with pytest.raises(InputError, match="unknown geopt"):
        choose(("geopt",))


def test_a_peer_without_torch_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else object())
    assert choose(("hyperbolix", "geoopt")) == (["hyperbolix"], ["geoopt"])


def test_the_list_of_peers_is_the_one_in_the_benchmarks() -> None:
    file = Path(__file__).parents[3] / "benchmarks" / "peers.txt"
    listed = {line.partition(";")[0].strip() for line in file.read_text().splitlines() if line and line[0] != "#"}
    assert listed == {requirement for peer in PEERS.values() for requirement in peer.requirements}


@pytest.mark.parametrize("model", points.TITLES)
@pytest.mark.parametrize("operation", points.OPERATIONS)
def test_the_judge_accepts_exact_results_and_finds_a_planted_error(model: str, operation: str) -> None:
    import mpmath
    from hyp_manifolds.testing.oracle import ORACLES, vector

    n, dim = 4, 3
    given, definition = points.inputs(model, n, dim), ORACLES[model].operations[operation]
    result = []
    for row in range(n):
        with mpmath.workdps(30):
            arguments = [
                mpmath.mpf(float(np.float32(0.7))) if a == "r" else vector(given[a][row][-dim:])
                for a in definition.arguments
            ]
            exact = definition.function(*arguments, mpmath.mpf(1))
            result.append([float(t) for t in exact] if isinstance(exact, list) else [float(exact)])
    assert max(points.judge(model, operation, n, dim, np.array(result)).values()) < 1e-6
    spoilt = np.array(result)
    spoilt[0] *= 1.01
    errors = points.judge(model, operation, n, dim, spoilt)
    assert errors[points.NEAR] == pytest.approx(0.01 / EPS, rel=1e-6) and errors[points.FAR] < 1e-6


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda: points.case("hyperboloid", "dist", 8, 3, FORWARD, ()), 4),
        (lambda: pairwise.case("poincare", 6, 3, FORWARD, (), near=0.5), 4),
        (lambda: layers.case(layers.Layer("HypLinearPoincare", (4, 3), "ball", (4, 3)), 5, FORWARD, ()), 8),
        (lambda: optimizers.dense(64, 4, ()), 2000),
        (lambda: optimizers.sparse(64, ()), 2000),
    ],
    ids=["points", "pairwise", "layers", "dense", "sparse"],
)
def test_our_own_results_are_right_and_spoilt_ones_wrong(make, most: float) -> None:
    import jax

    case = make()
    with jax.enable_x64(False):
        result = case.contenders["hyp"]().output()
        first = next(iter(case.judge(result).values()))
        assert first < most and first * EPS < case.tolerance
        assert not next(iter(case.judge(result * 1.02).values())) * EPS <= case.tolerance


@pytest.mark.parametrize("model", points.TITLES)
def test_inputs_reach_both_bands_and_tangents_have_their_length(model: str) -> None:
    given = points.inputs(model, 40, 3)
    x, v = given["x"].astype(float), given["v"].astype(float)
    if model == "poincare":
        radius, length = 2 * np.arctanh(np.linalg.norm(x, axis=1)), 2 / (1 - (x * x).sum(1)) * np.linalg.norm(v, axis=1)
    else:
        radius = np.arcsinh(np.linalg.norm(x[:, 1:], axis=1))
        spatial, along = v[:, 1:], (v[:, 1:] * x[:, 1:]).sum(1)
        length = np.sqrt((spatial**2).sum(1) - along**2 / (1 + (x[:, 1:] ** 2).sum(1)))
    assert radius[:30].max() < 5.01 and radius[30:].min() > 4.99 and radius.max() < 10.01
    np.testing.assert_allclose(length, 0.5, rtol=1e-4)


def test_every_promise_is_about_a_case_that_a_full_run_has() -> None:
    known = {(case.operation, case.size, case.mode) for case in timed_cases((), False)}
    known |= {(operation, size, compilation.COMPILE) for operation, size in compilation.jobs((), False)}
    assert {(g.operation, g.size, g.mode) for g in GOALS} <= known


def test_cases_have_distinct_names() -> None:
    for quick in (False, True):
        names = [case.key for case in timed_cases((), quick)]
        assert len(names) == len(set(names))


def goal_rows(ratio: float, megabytes: float) -> list[Row]:
    spread, job = Spread(ratio, ratio, ratio), ("points", "ball expmap", "100,000 x 256", FORWARD)
    return [
        Row(*job, "hyp", Spread(1, 1, 1), Spread(1, 1, 1), temporary=megabytes * 1e6),
        Row(*job, "hyperbolix", spread, spread),
    ]


def test_promises_are_judged_by_ratio_and_memory() -> None:
    assert [outcome.kept for outcome in judge(goal_rows(2.6, 14.9))] == [True, True]
    assert [outcome.kept for outcome in judge(goal_rows(2.4, 15.1))] == [False, False]
    assert judge([]) == []


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux says what the peak is")
def test_the_peak_is_what_a_run_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of({"peer": Ready(lambda: np.ones(50_000_000, np.uint8).sum())})
    monkeypatch.setattr(cases, "timed_cases", lambda *_: [case])
    assert 45e6 < memory.child(case.key, "peer", "", "1") < 90e6


def test_exponents_are_fitted_to_each_curve() -> None:
    assert exponent([1, 10, 100], [2, 200, 20_000]) == pytest.approx(2)
    rows = [
        Row("points", "toy", f"{n}", FORWARD, "hyp", Spread(n**1.5, 0, 0), series="points", at=n)
        for n in (10, 100, 1000)
    ]
    assert growth(rows, exponent) == {"time, toy forward: points, hyp": pytest.approx(1.5)}


def test_compilations_are_counted() -> None:
    import jax.numpy as jnp

    sweeps = compilation.compilations_in_a_sweep((lambda x, c: x * c, (jnp.ones(3), jnp.float32(1))))
    assert sweeps == 1


def toy_run(monkeypatch: pytest.MonkeyPatch, result: float) -> None:
    def contender(scale: float) -> Ready:
        return of_jax(lambda x: x * scale, (np.ones(1, np.float32),), lambda r: r)

    contenders = {"hyp": contender(result), "peer": contender(2.0)}
    monkeypatch.setattr(runner, "timed_cases", lambda *_: [case_of(contenders)])
    monkeypatch.setattr(runner, "ceilings_of", lambda _: CEILINGS)


def test_the_command_prints_saves_and_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, fair_process
) -> None:
    toy_run(monkeypatch, 1.0)
    json_file, picture, page = tmp_path / "a.json", tmp_path / "a.png", tmp_path / "benchmarks.md"
    command = ["compare", "speed", "--quick", "--families", "points", "--against", "gensim", "--check"]
    assert main([*command, "--json", str(json_file), "--plot", str(picture)]) == 0
    text = capsys.readouterr().out
    assert "WRONG" in text and re.search(r"toy 1 x 1, forward hyp [\d.]+ us.*; peer .* WRONG", text)
    assert picture.read_bytes().startswith(b"\x89PNG")
    results = load(json_file)
    assert [(row.library, row.wrong) for row in results.rows] == [("hyp", False), ("peer", True)]
    assert results.versions["hyp-manifolds"] and results.ceilings is not None and results.device
    assert str(tmp_path.home()) not in results.device
    assert main(["compare", "--page", str(page), "--of", str(json_file)]) == 0
    assert "**WRONG**" in page.read_text() and "toy 1 x 1, forward" in page.read_text()


def test_ctrl_c_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    toy = [case_of({"hyp": Machine().worker("hyp", 1e-3)}), case_of({"hyp": Ready(stopped)}, GRADIENT)]
    monkeypatch.setattr(runner, "timed_cases", lambda *_: toy)
    monkeypatch.setattr(runner, "ceilings_of", lambda _: CEILINGS)
    settings = Settings(memory=False, seconds=0.01)
    found = runner.run(settings, Console(file=io.StringIO()), ("points",))
    assert found.interrupted and [row.mode for row in found.rows] == [FORWARD]


def test_the_check_fails_where_our_own_result_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fair_process
) -> None:
    toy_run(monkeypatch, 1.01)
    command = [
        "compare",
        "speed",
        "--quick",
        "--families",
        "points",
        "--against",
        "",
        "--plot",
        str(tmp_path / "a.png"),
    ]
    assert main(command) == 0
    assert main([*command, "--check"]) == 1


def test_hostile_inputs_are_counted_saved_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, fair_process
) -> None:
    asked: list[list[str]] = []

    def rows(libraries: list[str], *, quick: bool) -> list[hostile.Row]:
        asked.append(list(libraries))
        return [hostile.Row("hyp-manifolds", "poincare", "dist", 10, bad, 0, 0, 0, "edge", True) for bad in (0, 3)]

    monkeypatch.setattr(hostile, "measure", rows)
    command = ["compare", "nan", "--against", "", "--json", str(tmp_path / "n.json")]
    assert main([*command, "--check"]) == 1 and main(command) == 0
    assert asked == [["hyp-manifolds"]] * 2
    assert "MISSED: poincare.dist, edge inputs: 3 of 10" in capsys.readouterr().out
    write_page(tmp_path / "p.md", [tmp_path / "n.json"], None, "hyp-bench compare")
    assert "| hyp-manifolds | poincare | 20 | 3 | 0 | 0 | 0 |" in (tmp_path / "p.md").read_text()


def test_a_training_ends_at_the_target_or_with_its_budget_and_scoring_is_not_timed() -> None:
    edges = EdgeList(("a", "b", "c", "d"), np.array([[1, 0], [2, 1], [3, 2]]), np.ones(3))
    line = np.array([[0.0, 0.0], [0.1, 0.0], [0.2, 0.0], [0.3, 0.0]], np.float32)
    machine = Machine()

    def epochs(*tables: np.ndarray):
        for table in tables:
            machine.now += 2.0
            yield table

    bad = line[[0, 2, 1, 3]]
    won = training.race("ours", epochs(bad, line, line), edges, machine, 60.0)
    assert won[:3] == ("ours", 4.0, 10) and won.reached and won.precision == 1.0
    lost = training.race("peer", epochs(*[bad] * 9), edges, machine, 5.0)
    assert lost[:3] == ("peer", 6.0, 15) and not lost.reached and lost.precision < 0.92


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--against", "geopt"], "unknown geopt"),
        (["--families", "speed"], "unknown speed"),
        (["--of", "a.json"], "belong to --page"),
        (["--page", "p.md"], "at least one file"),
        (["--page", "p.md", "--of", "missing.json"], "missing.json"),
    ],
)
def test_unusable_options_are_named(arguments, complaint, capsys, tmp_path, monkeypatch, fair_process) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "speed", *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_files_that_are_no_results_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in ("{", "[]", '{"format": 7}'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"a\.json"):
            load(path)


def test_a_file_holds_what_was_saved(tmp_path: Path) -> None:
    rows = (
        *goal_rows(2.0, 3.0),
        Row("points", "toy", "1", FORWARD, "peer", errors={"to radius 5": float("inf")}, wrong=True, count=3, note="n"),
    )
    results = Results(
        "c", "2026-01-01", "d", {"Python": "3"}, "cpu", ("gensim",), CEILINGS, rows, {"a": 1.0}, ({"b": 1},)
    )
    save(tmp_path / "r.json", results)
    assert load(tmp_path / "r.json") == results
    assert "Infinity" not in (tmp_path / "r.json").read_text()


def test_the_page_says_what_accuracy_costs(tmp_path: Path) -> None:
    spread = {"ratio": 1.01, "low": 1.0, "high": 1.2}
    cost = {"conditions": "some points", "rows": [{"operation": "Poincare.dist", "fwd": spread, "v&g": spread}]}
    (tmp_path / "cost.json").write_text(json.dumps(cost))
    save(tmp_path / "r.json", Results("c", "d", "e", {}, "cpu", (), None, (), {}))
    write_page(tmp_path / "p.md", [tmp_path / "r.json"], tmp_path / "cost.json", "hyp-bench compare")
    text = (tmp_path / "p.md").read_text()
    assert "| `Poincare.dist` | 1.01 | 1.00-1.20 | 1.01 | 1.00-1.20 |" in text and "No GPU" in text
    with pytest.raises(InputError, match="cost"):
        write_page(tmp_path / "p.md", [tmp_path / "r.json"], tmp_path / "r.json", "hyp-bench compare")
