"""One training in a process of its own, on as many devices as it is told.

`python -m tests.reliability.distributed FOLDER DEVICES JSON`: virtual CPUs, of which
JAX is told by its flags and TensorFlow here. JSON has values of the configuration, and
`train_options`. With `die_after` the process kills itself after so many steps.
"""

import json
import os
import signal
import sys

import keras

from keras_fcn.runs import RunConfig
from keras_fcn.training import train
from keras_fcn.training.callbacks import StopOnNaN


def run(folder, devices, told):
    """Train, and leave the run in the folder."""
    if devices > 1 and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        virtual = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(cpu, virtual)
    left = told.pop("die_after", None)
    options = told.pop("train_options", {})
    if left is not None:
        kept = StopOnNaN.on_train_batch_end

        def die(self, batch, logs=None):
            nonlocal left
            kept(self, batch, logs)
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        StopOnNaN.on_train_batch_end = die
    config = {
        "model": "fcn32s",
        "topology": "same",
        "weights": "none",
        "width": 0.02,
        "dropout": 0.0,
        "crop_size": 16,
        "batch_size": 4,
        "epochs": 2,
        "lr": 0.003,
        "deterministic": True,
    }
    train(RunConfig(**config | told), folder, verbose=False, **options)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3]))
