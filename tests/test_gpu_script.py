"""The script for the GPU, on what there is: its steps, its limits and its report."""

import importlib
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator

import jax.numpy as jnp
import pytest

pytestmark = [pytest.mark.one_precision]
FOLDER = pathlib.Path(__file__).parents[1] / "benchmarks" / "gpu"


@pytest.fixture(scope="module")
def script() -> Iterator[dict]:
    """The modules, which find each other on the path as the script's own folder is."""
    names = ("sources", "timing", "floors", "speed", "properties", "report", "run", "tf32_traps")
    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(FOLDER))
        for name in names:
            sys.modules.pop(name, None)


def test_the_sources_tell_their_versions_without_being_installed(script, tmp_path) -> None:
    script["sources"].write_metadata(tmp_path)
    code = "import importlib.metadata as m; print(m.version('hyp-optim'))"
    environment = script["sources"].environment(tmp_path)
    command = [sys.executable, "-S", "-c", code]  # without the folder of what is installed: the metadata alone answers
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == importlib.import_module("hyp_optim").__version__


def test_steps_measure_and_the_page_tells(script, tmp_path) -> None:
    from flax import nnx
    from hyp_nn import HTCLinear

    layers = {"HTCLinear": (HTCLinear(9, 8, rngs=nnx.Rngs(0)), jnp.ones((4, 9)))}
    layers["Euclid"] = (nnx.Linear(8, 8, rngs=nnx.Rngs(0)), jnp.ones((4, 8)))
    rows = list(script["floors"].floors(True)) + list(script["speed"]._both(layers, "linear 4 x 8 -> 8", 512.0))
    assert {row["kind"] for row in rows} == {"setting", "floor", "speed"}
    assert not [row for row in rows if "error" in row]
    results = {"command": "python run.py", "tiny": True, "seconds": 1.0, "steps": {}}
    results["steps"]["linear"] = {"status": "done", "seconds": 1.0, "limit": 9.0, "rows": json.loads(json.dumps(rows))}
    script["run"].write(tmp_path, results)
    page = (tmp_path / "results.md").read_text()
    assert "| linear | done |" in page and "| tensorfloat32 |" in page and "HTCLinear" in page
    assert json.loads((tmp_path / "results.json").read_text())["steps"]["linear"]["rows"] == rows
    assert not script["run"].failed(results)


def test_a_contender_that_fails_costs_no_other(script) -> None:
    def fails(x):
        raise MemoryError("out of memory\nat length")

    rows = list(script["speed"]._rows("case", {"a": (fails, (1.0,)), "b": (lambda x: x + 1, (1.0,))}, flops=0, moved=1))
    assert rows[0]["error"] == "MemoryError: out of memory" and rows[1]["seconds"] > 0


def test_a_step_is_stopped_at_its_limit_and_what_it_measured_counts(script, tmp_path) -> None:
    run = script["run"]
    rows = tmp_path / "slow.jsonl"
    code = f'import time; open({str(rows)!r}, \'w\').write(\'{{"kind": "floor"}}\\n{{"ki\'); time.sleep(60)'
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    time.sleep(0.5)
    found = run.finish(run.Running(run.Step("slow", 0.1, 0), process, time.monotonic(), 0.1), tmp_path)
    assert found["status"] == "stopped at its limit" and found["rows"] == [{"kind": "floor"}]
    assert process.poll() is not None
    assert run.failed({"steps": {"slow": found}})


def test_the_chosen_tests_exist(script) -> None:
    """Each node id names a law, a model or an operation that is there."""
    from hyp_manifolds import MODELS
    from hyp_manifolds.testing import CONTRACT, LAWS

    ids = [name.rpartition("[")[2].rstrip("]") for name in script["properties"].laws("gpu", False)]
    for _, model, law in (name.split("-") for name in ids):
        assert model in (*MODELS, "product") and law in LAWS
    for name in script["properties"].contract(False):
        model, operation, dim = name.rpartition("[")[2].rstrip("]").split("-")
        assert operation in CONTRACT[model] and dim == "16"


def test_the_traps_find_a_product_left_to_the_default(script) -> None:
    traps = script["tf32_traps"]
    traps.test_a_plain_product_is_found()
    traps.test_no_product_is_left_to_the_default("lorentz_centroid")
    traps.test_the_contract_holds("lorentz_centroid")


def test_no_time_left_is_said(script, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "--out", str(tmp_path), "--budget", "0"])
    assert script["run"].main() == 1
    steps = json.loads((tmp_path / "results.json").read_text())["steps"]
    assert set(steps) == {step.name for step in script["run"].STEPS}
    assert {step["status"] for step in steps.values()} == {"no time left"}
