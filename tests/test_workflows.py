"""The workflows keep least privileges, and run no action that somebody could swap under them."""

import pathlib
import re
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.one_precision

ROOT = pathlib.Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@(?!0{40})[0-9a-f]{40}")


def triggers(workflow: dict[Any, Any]) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as the boolean true.
    on = workflow.get("on", workflow.get(True, {}))
    return on if isinstance(on, dict) else dict.fromkeys([on] if isinstance(on, str) else on)


def job_problems(name: str, job: dict[str, Any]) -> list[str]:
    found = []
    permissions = job.get("permissions")
    if not isinstance(permissions, dict) or not permissions:
        found.append(f"{name}: states no permissions of its own")
    elif permissions != {"contents": "read"}:
        found.append(f"{name}: more than read access to the contents: {permissions}")
    if not isinstance(job.get("timeout-minutes"), int):
        found.append(f"{name}: no timeout")
    for step in job.get("steps", []):
        uses, run = step.get("uses", ""), step.get("run", "")
        if uses and not PINNED.fullmatch(uses):
            found.append(f"{name}: {uses} is not pinned by a full commit SHA")
        if uses.startswith("actions/checkout@") and step.get("with", {}).get("persist-credentials") is not False:
            found.append(f"{name}: the checkout leaves its credentials in the tree")
        if "${{" in run:
            found.append(f"{name}: an expression inside a shell command")
    if "uses" in job and not PINNED.fullmatch(job["uses"]):
        found.append(f"{name}: {job['uses']} is not pinned by a full commit SHA")
    return found


def problems(text: str) -> list[str]:
    workflow = yaml.safe_load(text)
    if not isinstance(workflow, dict) or not workflow.get("jobs"):
        return ["not a workflow"]
    found = []
    if workflow.get("permissions") != {}:
        found.append("the workflow grants permissions to all its jobs")
    if "group" not in (workflow.get("concurrency") or {}):
        found.append("no concurrency group")
    if not triggers(workflow):
        found.append("nothing starts it")
    if "pull_request_target" in triggers(workflow):
        found.append("pull_request_target runs strangers' code with this repository's rights")
    for line in text.splitlines():
        if re.match(r"\s*(- )?uses:", line) and not re.search(r"# v\d+(\.\d+)*$", line):
            found.append(f"no version beside the SHA: {line.strip()}")
    for name, job in workflow["jobs"].items():
        found += job_problems(name, job)
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_is_safe(path: pathlib.Path) -> None:
    assert problems(path.read_text(encoding="utf-8")) == []


def test_the_workflows_are_there() -> None:
    assert {"ci.yml", "gpu.yml"} <= {path.name for path in WORKFLOWS}


CI = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
SHA = re.search(r"@([0-9a-f]{40})", CI).group(1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (SHA, "v6"),
        (SHA, SHA[:12]),
        (SHA, "0" * 40),
        (SHA, SHA.upper()),
        (f"@{SHA} # v6.0.2", f"@{SHA}"),
        ("permissions: {}\n", ""),
        ("permissions: {}\n", "permissions: read-all\n"),
        ("    permissions:\n      contents: read\n", ""),
        ("      contents: read\n", "      contents: write\n"),
        ("      contents: read\n", "      contents: read\n      id-token: write\n"),
        ("persist-credentials: false", "persist-credentials: true"),
        ("    timeout-minutes: 45\n", ""),
        ("  pull_request:\n", "  pull_request_target:\n"),
        ("concurrency:\n  group:", "defaults:\n  name:"),
        ("run: .ci/run", "run: .ci/run ${{ github.head_ref }}"),
    ],
)
def test_a_planted_fault_is_found(old: str, new: str) -> None:
    assert old in CI
    assert problems(CI.replace(old, new, 1))


def test_ci_covers_every_supported_python_and_the_oldest_dependencies() -> None:
    jobs = yaml.safe_load(CI)["jobs"]
    assert jobs["run"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    commands = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    assert commands == {
        "run": [".ci/run"],
        "full-compilation": [".ci/run sync browser tests_float32 tests_float64 accuracy"],
        "lowest-direct": [".ci/lowest"],
    }
    assert jobs["full-compilation"]["steps"][-1]["env"] == {"XLA_FLAGS": ""}


def test_the_gpu_runner_executes_reviewed_code_only() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "gpu.yml").read_text(encoding="utf-8"))
    assert set(triggers(workflow)) <= {"schedule", "workflow_dispatch"}
    for job in workflow["jobs"].values():
        assert set(job["runs-on"]) == {"self-hosted", "gpu"}


@pytest.mark.parametrize("name", ["dependabot.yml", *(f"ISSUE_TEMPLATE/{n}.yml" for n in ("bug", "feature", "config"))])
def test_the_other_github_files_are_yaml(name: str) -> None:
    assert isinstance(yaml.safe_load((ROOT / ".github" / name).read_text(encoding="utf-8")), dict)
