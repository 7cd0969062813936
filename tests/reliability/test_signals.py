"""A signal ends a training after its step, everything kept; a second one at once."""

import signal
import time

import keras
import pytest

from . import processes
from .tiny import CONFIGS, EPOCHS, STEPS, fingerprint

SIGNALS = {
    signal.SIGINT: (KeyboardInterrupt, None),
    signal.SIGTERM: (SystemExit, 143),
    signal.SIGHUP: (SystemExit, 129),
}
# (batch number over all epochs, hook) of the moments.
MOMENTS = {
    "at the beginning": ("train begin", 1),
    "in the middle of an epoch": ("train end", STEPS + 2),
    "at the last step of an epoch": ("train end", STEPS),
    "in validation": ("test end", 2),
    "at the end of an epoch": ("epoch end", 2),
}


class Raising(keras.callbacks.Callback):
    """Sends this process a signal at a moment."""

    def __init__(self, number, moment):
        super().__init__()
        self.number, (self.hook, self.left) = number, moment

    def on_train_batch_begin(self, batch, logs=None):
        self._count("train begin")

    def on_train_batch_end(self, batch, logs=None):
        self._count("train end")

    def on_test_batch_end(self, batch, logs=None):
        self._count("test end")

    def on_epoch_end(self, epoch, logs=None):
        self._count("epoch end")

    def _count(self, hook):
        self.left -= hook == self.hook
        if hook == self.hook and self.left == 0:
            signal.raise_signal(self.number)


def begin_anew(model):
    """Give a model that has been trained, and is compiled, its first values."""
    fresh = CONFIGS["adam"].build()
    for variable, new in zip(model.variables, fresh.variables, strict=True):
        variable.assign(new)
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros(variable.shape, variable.dtype))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A model and what a training without a stop makes of it."""
    model, *_ = CONFIGS["adam"].fit(tmp_path_factory.mktemp("first"))
    begin_anew(model)
    model, _, history = CONFIGS["adam"].fit(tmp_path_factory.mktemp("whole"), model)
    return model, fingerprint(model, history.history)


CASES = [
    pytest.param(
        number,
        moment,
        id=f"{number.name} {moment}",
        marks=[]
        if number == signal.SIGINT or moment == "in validation"
        else [pytest.mark.slow],
    )
    for number in SIGNALS
    for moment in MOMENTS
]


@pytest.mark.fault(8)
@pytest.mark.parametrize(("number", "moment"), CASES)
def test_a_signal_stops_with_a_checkpoint_to_go_on_from(
    whole, tmp_path, number, moment
):
    model, expected = whole
    begin_anew(model)
    error, code = SIGNALS[number]
    before = signal.getsignal(number)
    told = []
    with pytest.raises(error) as stopped:
        CONFIGS["adam"].fit(
            tmp_path,
            model,
            others=[Raising(number, MOMENTS[moment])],
            tell=told.append,
        )
    assert getattr(stopped.value, "code", None) == (code if code else None)
    assert told[-1].startswith(f"Stopped by {number.name}. Everything is kept in")
    assert signal.getsignal(number) is before
    names = [file.name for file in tmp_path.iterdir()]
    assert names
    assert all(name.startswith("ckpt-") for name in names)
    model, resume, history = CONFIGS["adam"].fit(tmp_path, model)
    assert resume.initial_epoch < EPOCHS
    assert fingerprint(model, history.history) == expected


def waits(folder, number, times):
    """Train with a step that lasts; send signals in it."""

    class Slow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            for _ in range(times):
                signal.raise_signal(number)
            time.sleep(1)

    CONFIGS["adam"].fit(folder, others=[Slow()])


@pytest.mark.fault(8)
def test_a_second_signal_ends_at_once(tmp_path):
    process = processes.start(waits, tmp_path, signal.SIGTERM, times=2)
    process.join()
    assert process.exitcode == -signal.SIGTERM


@pytest.mark.fault(8)
def test_a_process_ends_with_the_usual_status(tmp_path):
    process = processes.start(waits, tmp_path, signal.SIGTERM, times=1)
    process.join()
    assert process.exitcode == 128 + signal.SIGTERM
    assert [file.name[:19] for file in tmp_path.iterdir()] == ["ckpt-0000-00000001-"]


@pytest.mark.fault(8)
def test_after_an_error_ended_fit_a_signal_does_what_it_did_before(whole, tmp_path):
    class Fails(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise OSError("elsewhere")

    with pytest.raises(OSError, match="elsewhere"):
        CONFIGS["adam"].fit(tmp_path, whole[0], others=[Fails()])
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
