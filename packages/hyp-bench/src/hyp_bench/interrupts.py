"""Ctrl-C that cannot get lost."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class StopRequest:
    """Takes note of the first Ctrl-C; a second one interrupts at once. Use it as a context manager around a loop.

    Python raises KeyboardInterrupt wherever it happens to be. In a callback of the garbage collector (JAX has one) the
    exception is printed and dropped, and the loop runs on. A note cannot be dropped, and a loop that reads it between
    two epochs never stops in the middle of one.

    Where SIGINT is ignored (`nohup`, a background job of a shell script), and outside the main thread, it does nothing.
    """

    def __enter__(self) -> StopRequest:
        self._requested = False
        self._previous: Any = None
        handler = signal.getsignal(signal.SIGINT)
        if handler is not signal.SIG_IGN and threading.current_thread() is threading.main_thread():
            self._previous = handler
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        if error is None:
            self.check()

    def check(self) -> None:
        """Raises KeyboardInterrupt if Ctrl-C was pressed."""
        if self._requested:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._requested = True
        self._restore()

    def _restore(self) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None
