"""Trainings and savings in processes of their own, to be killed.

They are forked from a server that has imported the backend but not begun to use it: so
one begins in a second, and dies alone.
"""

import multiprocessing
import os
import pathlib
import signal
from pathlib import Path

import keras
import numpy as np

from keras_fcn.checkpoints.file import write_checkpoint
from keras_fcn.checkpoints.folder import newest_valid, prune, remove_leftovers
from keras_fcn.weights.writing import tensor_of

from .tiny import CONFIGS, fingerprint

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.reliability.processes"])

NOTES = {
    "identity": {},
    "steps_per_epoch": 1,
    "repeat": 0,
    "finished": False,
    "history": {},
    "callbacks": [],
    "best": {"value": None, "file": None},
}


def start(task, *arguments, **options):
    """Call a function of a module in another process; return the process."""
    process = _CONTEXT.Process(target=_call, args=(task, arguments, options))
    process.start()
    return process


def _call(task, arguments, options):
    os.setpgrp()  # Ctrl-C in a terminal is for the tests
    signal.signal(signal.SIGINT, signal.default_int_handler)
    task(*arguments, **options)


def train(folder, name, *, seconds=None, event=None, **options):
    """Train a tiny network to its end, and write what came out beside the folder.

    Args:
        folder: Where.
        name: Which configuration.
        seconds: The process dies so long after its first step has begun.
        event: Or with its so manieth beginning and end of a step, batch of the
            validation, end of an epoch, flush, renaming and removal of a file.
        options: Of the callback.
    """
    folder = Path(folder)
    dying = Dying(seconds, event)
    model, _, history = CONFIGS[name].fit(
        folder / "checkpoints", others=[dying], **options
    )
    (folder / "result").write_text(fingerprint(model, history.history))


class Dying(keras.callbacks.Callback):
    """Kills the process; nothing of Python's runs after that."""

    def __init__(self, seconds, event):
        super().__init__()
        self.seconds, self.left = seconds, event
        if event is not None:
            for module, name in (
                (os, "fsync"),
                (pathlib.Path, "replace"),
                (pathlib.Path, "unlink"),
            ):
                setattr(module, name, self._counted(getattr(module, name)))

    def on_train_batch_begin(self, batch, logs=None):
        if self.seconds is not None:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, self.seconds)
            self.seconds = None
        self._count()

    def on_train_batch_end(self, batch, logs=None):
        self._count()

    def on_test_batch_end(self, batch, logs=None):
        self._count()

    def on_epoch_end(self, epoch, logs=None):
        self._count()

    def _counted(self, function):
        def called(*arguments, **options):
            self._count()
            return function(*arguments, **options)

        return called

    def _count(self):
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def save_without_end(folder, ready):
    """Save one checkpoint after the other, on from the newest, as a training does."""
    folder = Path(folder)
    newest = newest_valid(folder)
    remove_leftovers(folder, newest, print)
    step = newest.step if newest else 0
    ready.set()
    while True:
        step += 1
        save_numbered(folder, step)


def save_numbered(folder, step, size=300_000):
    """Save a checkpoint whose numbers are all its step's."""
    tensors = {
        f"model/{i:04d}/a": tensor_of(np.full(size, step, "float32")) for i in range(2)
    }
    written = write_checkpoint(Path(folder), step, step, tensors, NOTES)
    prune(Path(folder), keep=2)
    return written


def holds_its_number(checkpoint):
    """Whether a checkpoint of `save_numbered` holds what it must."""
    arrays = dict(checkpoint.read(""))
    return len(arrays) == 2 and all(
        (a == checkpoint.step).all() for a in arrays.values()
    )


def event_to_wait_for():
    """Return an event for another process to set."""
    return _CONTEXT.Event()


def queue():
    """Return a queue on which another process can answer."""
    return _CONTEXT.Queue()
