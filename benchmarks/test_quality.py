"""What the training jobs promise of their results, on the whole data; `.ci/run quality` runs it for every change.

Minutes of training belong here and not among the tests, which run every job with few epochs.
"""

import os
import re
import subprocess
import sys

import numpy as np


def hyp_bench(*arguments):
    """Runs the command as a user does and returns what it prints."""
    done = subprocess.run([sys.executable, "-m", "hyp_bench", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_mammals_reach_the_published_quality(tmp_path):
    out = hyp_bench("mammals", "--no-euclid", "--out", tmp_path, "--check")
    assert "check: MAP" in out and "passed" in out
    (ours,) = (line for line in out.splitlines() if "ours" in line)
    _, _, mean_rank, precision, seconds, radius, _ = (cell.strip() for cell in ours.split("|"))
    assert float(mean_rank) <= 1.22
    assert float(precision) >= 0.938
    assert float(seconds) > 0
    assert 8 < float(radius) < 20
    assert "counts against the embedding" in out
    plane = re.search(r"2-D: MR ([\d.]+), MAP ([\d.]+) .* radius ([\d.]+); no clip, 0 points", out)
    assert plane is not None
    assert float(plane[2]) >= 0.90
    assert sorted(os.listdir(tmp_path)) == ["mammals.html", "mammals.npz", "mammals.png"]
    with np.load(tmp_path / "mammals.npz", allow_pickle=False) as saved:
        assert saved["points"].shape == (1180, 3)
        assert str(saved["manifold"]) == "hyperboloid"


def test_the_classifiers_reach_what_is_required(tmp_path):
    out = hyp_bench("digits", "--models", "mlr", "mlp", "bottleneck", "--seeds", 2, "--check", "--out", tmp_path)
    assert "check: passed" in out
