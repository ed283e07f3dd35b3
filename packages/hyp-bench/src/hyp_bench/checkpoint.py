"""Checkpoints: everything that the rest of a run depends on, in one file that is whole or absent."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt32

from hyp_bench.bounds import check_npz
from hyp_bench.errors import InputError
from hyp_bench.report.atomic import atomic_write


class Checkpoint(NamedTuple):
    """State of a run between two epochs.

    Attributes:
        points: the table.
        epoch: number of finished epochs.
        epochs: number of epochs the run was to have.
        key: the words of the PRNG key of the next epoch.
        config: what the run depends on, besides the number of epochs: settings by name and a digest of the graph.
    """

    points: Float[np.ndarray, "nodes coords"]
    epoch: int
    epochs: int
    key: UInt32[np.ndarray, "words"]
    config: dict[str, Any]


def config_hash(config: dict[str, Any]) -> str:
    """Returns the SHA-256 of a config."""
    return hashlib.sha256(_to_json(config).encode()).hexdigest()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint; an interruption leaves the previous one."""
    with atomic_write(path) as file:
        np.savez(
            file,
            points=checkpoint.points,
            epoch=np.int64(checkpoint.epoch),
            epochs=np.int64(checkpoint.epochs),
            key=checkpoint.key,
            config=np.str_(_to_json(checkpoint.config)),
            config_hash=np.str_(config_hash(checkpoint.config)),
        )


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        InputError: there is none, or the file is damaged.
    """
    try:
        check_npz(path)
        with np.load(path, allow_pickle=False) as file:
            config = json.loads(str(file["config"]))
            if str(file["config_hash"]) != config_hash(config):
                raise InputError(f"{path}: damaged: the settings in it do not fit their hash.")
            return Checkpoint(file["points"], int(file["epoch"]), int(file["epochs"]), file["key"], config)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no checkpoint to resume.") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a readable checkpoint ({type(error).__name__}).") from error


def check_same_run(path: Path, found: Checkpoint, config: dict[str, Any], key: UInt32[np.ndarray, "words"]) -> None:
    """Raises an InputError unless the checkpoint belongs to a run with this config, and its next key is `key`."""
    if config_hash(found.config) != config_hash(config):
        names = sorted(found.config.keys() | config.keys())
        different = [
            f"{name} was {found.config.get(name)!r} and is {config.get(name)!r}"
            for name in names
            if name != "edges" and found.config.get(name) != config.get(name)
        ]
        if found.config.get("edges") != config.get("edges"):
            different.insert(0, "the edge list is another one")
        raise InputError(f"{path}: the checkpoint belongs to another run: {'; '.join(different)}.")
    if not np.array_equal(found.key, key):
        raise InputError(
            f"{path}: the random numbers of this JAX differ from those of the run; resume where it was started."
        )


def _to_json(config: dict[str, Any]) -> str:
    return json.dumps(config, sort_keys=True)
