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


# What a job may do beyond reading the contents: publish by the identity of its run, or open an issue. Such a job does
# nothing else: it has no checkout, so it runs no code of the repository.
GRANTED = {"publish": {"id-token": "write"}, "open-issue": {"issues": "write"}}


def job_problems(name: str, job: dict[str, Any]) -> list[str]:
    found = []
    permissions = job.get("permissions")
    if not isinstance(permissions, dict) or not permissions:
        found.append(f"{name}: states no permissions of its own")
    elif permissions != GRANTED.get(name, {"contents": "read"}):
        found.append(f"{name}: other permissions than it needs: {permissions}")
    elif name in GRANTED and any("actions/checkout@" in step.get("uses", "") for step in job["steps"]):
        found.append(f"{name}: may write, and checks code out")
    if not isinstance(job.get("timeout-minutes"), int):
        found.append(f"{name}: no timeout")
    for step in job.get("steps", []):
        uses, run = step.get("uses", ""), step.get("run", "")
        if uses and not PINNED.fullmatch(uses):
            found.append(f"{name}: {uses} is not pinned by a full commit SHA")
        if uses.startswith("actions/checkout@") and step.get("with", {}).get("persist-credentials") is not False:
            found.append(f"{name}: the checkout leaves its credentials in the tree")
        if "|" in run and "tee " in run and step.get("shell") != "bash":
            found.append(f"{name}: a pipe hides the failure of its first command")
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
    assert {"ci.yml", "gpu.yml", "nightly.yml", "release.yml"} <= {path.name for path in WORKFLOWS}


def read(name: str) -> str:
    return (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")


CI = read("ci.yml")
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
        "history": [".ci/run sync news compatibility coverage"],
        "full-compilation": [".ci/run sync browser tests_float32 tests_float64 accuracy"],
        "lowest-direct": [".ci/lowest"],
    }
    assert jobs["full-compilation"]["steps"][-1]["env"] == {"XLA_FLAGS": ""}


def test_the_gpu_runner_executes_reviewed_code_only() -> None:
    workflow = yaml.safe_load(read("gpu.yml"))
    assert set(triggers(workflow)) <= {"schedule", "workflow_dispatch"}
    for job in workflow["jobs"].values():
        assert set(job["runs-on"]) == {"self-hosted", "gpu"}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("release.yml", "      id-token: write\n", "      id-token: write\n      contents: write\n"),
        (
            "release.yml",
            "    permissions:\n      contents: read\n    outputs",
            "    permissions: {id-token: write}\n    outputs",
        ),
        ("nightly.yml", "      issues: write\n", "      issues: write\n      contents: read\n"),
        ("nightly.yml", "        shell: bash\n", ""),
        ("nightly.yml", "actions/download-artifact@", "actions/checkout@"),
    ],
)
def test_a_fault_planted_in_a_job_that_writes_is_found(name: str, old: str, new: str) -> None:
    assert old in read(name)
    assert problems(read(name).replace(old, new, 1))


def test_a_release_publishes_what_was_proved_and_nothing_else() -> None:
    workflow = yaml.safe_load(read("release.yml"))
    assert triggers(workflow) == {"push": {"tags": ["hyp-*-v[0-9]*"]}}
    assert workflow["concurrency"]["cancel-in-progress"] is False
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    proofs = " ".join(step.get("run", "") for step in build["steps"])
    assert all(part in proofs for part in ("release.py --check", "release_build", "compatibility", "--is-ancestor"))
    assert publish["needs"] == "build"
    assert publish["environment"] == "${{ needs.build.outputs.package }}"
    fetch, upload = publish["steps"]
    assert fetch["with"]["name"] == "dist"
    assert upload["with"] == {"packages-dir": "dist", "attestations": True}
    assert "password" not in read("release.yml")


def test_the_night_searches_long_and_reports_only_failures() -> None:
    jobs = yaml.safe_load(read("nightly.yml"))["jobs"]
    assert "HYPOTHESIS_PROFILE=nightly" in (ROOT / ".ci" / "properties").read_text(encoding="utf-8")
    assert any(".ci/properties" in step.get("run", "") for step in jobs["properties"]["steps"])
    assert (jobs["open-issue"]["needs"], jobs["open-issue"]["if"]) == ("properties", "failure()")


OTHER_FILES = sorted([*(ROOT / ".github").glob("*.yml"), *(ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")])


@pytest.mark.parametrize("path", OTHER_FILES, ids=lambda path: path.name)
def test_the_other_github_files_are_yaml(path: pathlib.Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    if path.parent.name == "ISSUE_TEMPLATE" and path.name != "config.yml":
        assert content["name"] and content["description"]
        assert all(part.get("attributes", {}).get("label") for part in content["body"] if part["type"] != "markdown")


@pytest.mark.parametrize("kind", ["manifold", "layer", "rule"])
def test_a_new_thing_of_each_kind_has_a_checklist(kind: str) -> None:
    text = (ROOT / ".github" / "PULL_REQUEST_TEMPLATE" / f"{kind}.md").read_text(encoding="utf-8")
    assert text.count("- [ ] ") >= 5
    assert f"PULL_REQUEST_TEMPLATE/{kind}.md" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
