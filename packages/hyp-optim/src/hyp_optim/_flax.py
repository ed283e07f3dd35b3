"""Static nodes in the state dicts of Flax, without importing Flax."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def register_static(node_type: type, describe: Callable[[Any], dict[str, list[str]]], cure: str) -> None:
    """Registers a leafless node with `flax.serialization`, where a program has imported it.

    Hazard: `flax.serialization` hands objects that it does not know to msgpack, which refuses them. Cure: what is saved
    is a description, and what is restored is the node of the template, if both agree.

    Args:
        node_type: the class.
        describe: from an instance to lists of texts.
        cure: what to do if they do not agree, for the message.
    """
    serialization = sys.modules.get("flax.serialization")
    if serialization is None:
        return

    def save(node: Any) -> dict[str, Any]:
        return {key: dict(enumerate_texts(texts)) for key, texts in describe(node).items()}

    def restore(template: Any, saved: dict[str, Any]) -> Any:
        expected = save(template)
        if saved != expected:
            raise ValueError(f"{node_type.__name__}: saved for {saved}, but restored into {expected}. {cure}")
        return template

    serialization.register_serialization_state(node_type, save, restore, override=True)


def enumerate_texts(texts: list[str]) -> list[tuple[str, str]]:
    """Pairs of an index, as text, and a text: state dicts have no lists."""
    return [(str(i), text) for i, text in enumerate(texts)]
