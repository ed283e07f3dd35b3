"""Properties and speed on the device at hand, within 8 minutes, from the source folders alone.

    python benchmarks/gpu/run.py --out results            # on a GPU
    python benchmarks/gpu/run.py --out results --tiny     # the same on a CPU, in less than a minute

Needs jax, flax, optax, chex, jaxtyping, hypothesis, mpmath, pytest and NumPy; no network, and the packages need not be
installed. Every step is a process with a time limit of its own, so that a slow or broken one costs no other. What a
step has measured until then counts: after each, results.json and results.md are written to --out. Exits with 1 where a
test failed, a step did not end by itself, or nothing was measured.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import properties
import report
import sources

BUDGET = 470.0  # seconds, of the 480 there are


@dataclass(frozen=True)
class Step:
    """One process.

    Attributes:
        name: of the step.
        limit: seconds.
        phase: steps of one phase run side by side; what is timed has a phase to itself.
        environment: variables for this step.
    """

    name: str
    limit: float
    phase: int
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def tests(self) -> bool:
        """Whether it is pytest that runs."""
        return self.name in ("laws", "contract", "tf32")


STEPS = (
    Step("floors", 30, 0),
    Step("laws", 170, 1),
    Step("contract", 170, 1),
    Step("tf32", 170, 1, {"JAX_DEFAULT_MATMUL_PRECISION": "tensorfloat32"}),
    Step("pairwise", 80, 2),
    Step("tables", 70, 3),
    Step("conv", 55, 4),
    Step("linear", 50, 5),
)


@dataclass
class Running:
    """A step under way."""

    step: Step
    process: subprocess.Popen[bytes]
    begun: float
    limit: float


def start(step: Step, out: pathlib.Path, limit: float, tiny: bool, backend: str) -> Running:
    """Starts a step; its rows go to NAME.jsonl and what it prints to NAME.log."""
    rows = out / f"{step.name}.jsonl"
    rows.write_text("")
    environment = sources.environment(out / "metadata") | step.environment
    environment |= {"JAX_COMPILATION_CACHE_DIR": str(out / "cache"), "HYP_GPU_OUTCOMES": str(rows)}
    environment |= {
        "HYP_GPU_DEADLINE": str(time.time() + 0.9 * limit),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(out / "cache"),
    }
    if step.tests:  # side by side, none may claim the whole device
        environment["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        environment["PYTHONPATH"] += os.pathsep + str(pathlib.Path(__file__).parent)
        chosen = {
            "laws": lambda: properties.laws(backend, tiny),
            "contract": lambda: properties.contract(tiny),
            "tf32": lambda: properties.traps(tiny),
        }[step.name]()
        command = properties.command(chosen)
    else:
        command = [sys.executable, __file__, "--child", step.name, "--out", str(out), *(["--tiny"] if tiny else [])]
    with (out / f"{step.name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    return Running(step, process, time.monotonic(), limit)


def finish(running: Running, out: pathlib.Path) -> dict[str, Any]:
    """Waits for a step, to its limit and no longer, and reads its rows."""
    left = running.begun + running.limit - time.monotonic()
    try:
        code = running.process.wait(timeout=max(left, 0.0))
        status = "done" if code == 0 else f"exit code {code}"
    except subprocess.TimeoutExpired:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
        status = "stopped at its limit"
    text = (out / f"{running.step.name}.jsonl").read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]  # the last line may be cut off
    return {
        "status": status,
        "seconds": time.monotonic() - running.begun,
        "limit": running.limit,
        "rows": [json.loads(line) for line in whole.splitlines()],
    }


def write(out: pathlib.Path, results: dict[str, Any]) -> None:
    """Both files, from what there is."""
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (out / "results.md").write_text(report.page(results), encoding="utf-8")


def run(out: pathlib.Path, tiny: bool, names: list[str], budget: float) -> dict[str, Any]:
    """All steps, phase by phase, within the budget."""
    begin = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    sources.write_metadata(out / "metadata")
    command = " ".join(["python", "benchmarks/gpu/run.py", *sys.argv[1:]])
    results: dict[str, Any] = {"command": command, "tiny": tiny, "seconds": 0.0, "steps": {}}
    for phase in sorted({step.phase for step in STEPS}):
        left = budget - (time.monotonic() - begin)
        steps = [step for step in STEPS if step.phase == phase and step.name in names]
        backend = next((row["backend"] for row in report.rows_of(results, "setting")), "cpu" if tiny else "gpu")
        if left <= 5:
            skipped = {"status": "no time left", "seconds": 0.0, "limit": 0.0, "rows": []}
            results["steps"] |= {step.name: skipped for step in steps}
            continue
        under_way = [start(step, out, min(step.limit, left), tiny, backend) for step in steps]
        for running in under_way:
            results["steps"][running.step.name] = finish(running, out)
        results["seconds"] = time.monotonic() - begin
        write(out, results)
        for step in steps:
            done = results["steps"][step.name]
            print(f"{step.name}: {done['status']}, {len(done['rows'])} rows, {done['seconds']:.0f} s", flush=True)
    write(out, results)
    return results


def child(name: str, out: pathlib.Path, tiny: bool) -> None:
    """Runs a measuring step in this process."""
    if name == "floors":
        from floors import floors as rows
    else:
        import speed

        rows = getattr(speed, name)
    with (out / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        for row in rows(tiny):
            file.write(json.dumps(row) + "\n")
            file.flush()


def failed(results: dict[str, Any]) -> bool:
    """Whether a test failed, or a step did not end well."""
    outcomes = [row["outcome"] for row in report.rows_of(results, "test")]
    broken = [name for name, step in results["steps"].items() if step["status"] != "done"]
    return "failed" in outcomes or bool(broken) or not any(step["rows"] for step in results["steps"].values())


def main() -> int:
    """Reads the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the results")
    parser.add_argument("--tiny", action="store_true", help="sizes for a CPU, to try the script")
    parser.add_argument("--steps", default=",".join(step.name for step in STEPS), help="comma-separated")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds for everything")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    out = options.out.resolve()
    if options.child:
        child(options.child, out, options.tiny)
        return 0
    names = options.steps.split(",")
    unknown = set(names) - {step.name for step in STEPS}
    if unknown:
        parser.error(f"--steps: unknown {', '.join(sorted(unknown))}; known are {', '.join(s.name for s in STEPS)}")
    results = run(out, options.tiny, names, options.budget)
    print(f"wrote {out / 'results.json'} and {out / 'results.md'}, {results['seconds']:.0f} s")
    return int(failed(results))


if __name__ == "__main__":
    sys.exit(main())
