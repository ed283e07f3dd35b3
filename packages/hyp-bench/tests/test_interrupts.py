"""The first Ctrl-C is noted, the second one interrupts, and the handler of before comes back."""

import gc
import signal
import threading

import pytest
from hyp_bench.interrupts import StopRequest

pytestmark = pytest.mark.usefixtures("usual_handler")


def press():
    signal.raise_signal(signal.SIGINT)


def test_the_first_is_noted_and_the_second_interrupts():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        stop.check()
        press()
        with pytest.raises(KeyboardInterrupt):
            press()
        stop.check()
        pytest.fail("the request got lost")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_request_is_not_lost_in_a_callback_of_the_garbage_collector():
    def callback(phase, info):
        gc.callbacks.remove(callback)
        press()

    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        gc.callbacks.append(callback)
        gc.collect()
        stop.check()


def test_an_unread_request_interrupts_at_the_end():
    with pytest.raises(KeyboardInterrupt), StopRequest():
        press()


def test_other_errors_pass():
    with pytest.raises(ValueError, match="mine"), StopRequest():
        press()
        raise ValueError("mine")


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            press()
            stop.check()
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_may_train():
    seen = []

    def run():
        with StopRequest() as stop:
            stop.check()
            seen.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [True]
