"""The interpreter stays free while an engine works, and Ctrl-C ends a call; both need work that takes a while."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import scaletune

TAXA = 512


@pytest.fixture(scope="module")
def work():
    """A call that takes a second or more: a large tree, per-family rates, the plainest kernel."""
    level = [f"t{at}:0.1" for at in range(TAXA)]
    while len(level) > 1:
        level = [f"({left},{right}):0.1" for left, right in zip(level[::2], level[1::2])]
    random = np.random.default_rng(7)
    names = [f"t{at}" for at in range(TAXA)]
    families = 500
    while True:
        matrix = (random.random((TAXA, families)) < 0.5).astype(np.uint8)
        gain = random.random(families) + 0.1

        def call(matrix=matrix, gain=gain):
            return scaletune.compute_likelihoods_batch(
                level[0] + ";", matrix, gain, 1.0, names, threads=1, plan="kernel=per-family"
            )

        began = time.perf_counter()
        call()
        if time.perf_counter() - began > 1.0:
            return call
        families *= 2


def ticks_during(call):
    """How often another thread gets to add while the call runs in this one."""
    count, stop = 0, threading.Event()

    def tick():
        nonlocal count
        while not stop.is_set():
            count += 1
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    time.sleep(0.02)
    before = count
    call()
    during = count - before
    stop.set()
    ticker.join()
    return during


def test_the_interpreter_is_free(work):
    assert ticks_during(work) > 50


def test_the_ticks_tell_a_held_interpreter():
    """The negative control: one long call into C that keeps the interpreter's lock lets nobody tick."""
    size = 2_000_000
    while True:
        numbers = list(range(size))[::-1]
        began = time.perf_counter()
        during = ticks_during(lambda: sorted(numbers, key=None) and sum(numbers) and max(numbers))
        if time.perf_counter() - began > 0.3:
            break
        size *= 2
    # The three calls leave two gaps; a free interpreter would tick hundreds of times.
    assert during < 20


def test_the_main_thread_counts_on(work):
    """The other way round: the call in a thread, the counter in the main thread."""
    caller = threading.Thread(target=work)
    caller.start()
    count = 0
    while caller.is_alive():
        count += 1
        time.sleep(0.001)
    assert count > 50


INTERRUPTED = """
    import os, signal, sys, threading, time
    import numpy as np
    import scaletune
    # What a shell starts in the background inherits that Ctrl-C is ignored, and Python leaves it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    taxa, families = 512, 20_000
    level = [f"t{at}:0.1" for at in range(taxa)]
    while len(level) > 1:
        level = [f"({left},{right}):0.1" for left, right in zip(level[::2], level[1::2])]
    matrix = (np.random.default_rng(7).random((taxa, families)) < 0.5).astype(np.uint8)
    gain = np.linspace(0.1, 2, families)
    names = [f"t{at}" for at in range(taxa)]
    sent = []
    def interrupt():
        time.sleep(1.0)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        scaletune.compute_likelihoods_batch(
            level[0] + ";", matrix, gain, 1.0, names, threads=THREADS, plan="kernel=per-family",
            gamma_categories=64, gamma_shape=1.0
        )
    except KeyboardInterrupt:
        print(f"interrupted after {time.monotonic() - sent[0]:.3f}")
        sys.exit(0)
    print("ran to its end")
    sys.exit(1)
"""


@pytest.mark.parametrize("threads", ["1", "2"])
def test_ctrl_c_ends_a_call_within_a_second(threads):
    """Of a call that takes many. A machine under load may delay one attempt, hardly three of them."""
    program = textwrap.dedent(INTERRUPTED).replace("THREADS", threads)
    waited = []
    while not waited or (min(waited) >= 1.0 and len(waited) < 3):
        outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        assert "KeyboardInterrupt" not in outcome.stderr
        waited.append(float(outcome.stdout.split()[-1]))
    assert min(waited) < 1.0, waited


def test_import_is_light():
    """Neither NumPy nor SciPy come with the import: that is what keeps it short."""
    program = "import sys, scaletune; sys.exit(any(name in sys.modules for name in ('numpy', 'scipy', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", program], env={**os.environ}).returncode == 0


def test_calls_of_many_threads_do_not_mix():
    """Tree and matrix of the latest call are kept for the next one, whoever makes it."""
    random = np.random.default_rng(3)
    names = ["a", "b", "c"]
    questions = [
        # Two matrices on each tree.
        (f"((a:{at // 2 + 1}e-1,b:0.2):0.3,c:0.4);", (random.random((3, 40)) < 0.5).astype(np.uint8))
        for at in range(6)
    ]

    def ask(question):
        return scaletune.compute_likelihoods_batch(*question, 0.5, 1.5, names, threads=1)

    alone = [ask(question) for question in questions]
    assert len({values.tobytes() for values in alone}) == len(questions)
    wrong = []

    def caller(first):
        for turn in range(300):
            at = (first + turn // 3) % len(questions)
            if not (ask(questions[at]) == alone[at]).all():
                wrong.append(at)

    callers = [threading.Thread(target=caller, args=(first,)) for first in range(6)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert not wrong


def test_signals_of_others_do_not_end_a_call(work):
    """A handler that does not raise lets the call go on."""
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(time.monotonic()))
    try:
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        found = work()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(seen) == 1 and np.isfinite(found).all()
