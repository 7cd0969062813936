"""Which devices a training runs on, and what is refused before its work starts."""

from __future__ import annotations

import os

import keras

from ..suggestions import require_choice
from .devices import Devices

DISTRIBUTIONS = ("none", "data")
# Keras' own names: of the first process, or of all; how many; which one this is.
_PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"
_OF_PROCESSES = (
    "KERAS_DISTRIBUTION_JOB_ADDRESSES",
    _PROCESSES,
    "KERAS_DISTRIBUTION_PROCESS_ID",
)


def open_devices(distribute: str = "none") -> Devices:
    """Return the devices that a training shares its batches out among.

    With `"data"` these are all GPUs or TPUs that the backend sees, or its virtual CPUs;
    on JAX those of all processes, see `join_processes`.

    Args:
        distribute: `"none"`, one device, or `"data"`. Defaults to `"none"`.

    Raises:
        ValueError: If `distribute` is another word, or the backend cannot do it.

    Example:
        >>> open_devices().count
        1
    """
    require_choice("distribute", distribute, DISTRIBUTIONS)
    if distribute == "none":
        return Devices()
    join_processes(distribute)
    if keras.backend.backend() == "jax":
        from .on_jax import JaxDevices as several
    else:
        from .on_tensorflow import MirroredDevices as several
    devices = several()
    return devices if devices.count > 1 else Devices()


def join_processes(distribute: str) -> None:
    """Let the processes of a training know each other; before anything is computed.

    On JAX, if Keras' environment variables `KERAS_DISTRIBUTION_JOB_ADDRESSES`,
    `KERAS_DISTRIBUTION_NUM_PROCESSES` and `KERAS_DISTRIBUTION_PROCESS_ID` say that
    there are several. A second call does nothing.

    Args:
        distribute: `"none"`, which does nothing, or `"data"`.

    Raises:
        ValueError: If the backend cannot do it.
    """
    if distribute != "data":
        return
    backend = keras.backend.backend()
    if backend not in ("jax", "tensorflow"):
        raise ValueError(
            'Batches must be shared out ("data") with JAX or TensorFlow. Received: '
            f"{backend}, on which Keras' `DataParallel` is broken (no devices are "
            f"found). {_ON_JAX}"
        )
    several = any(os.environ.get(name) for name in _OF_PROCESSES)
    if backend == "tensorflow":
        if os.environ.get("TF_CONFIG") or several:
            name = "TF_CONFIG" if os.environ.get("TF_CONFIG") else _PROCESSES
            raise ValueError(
                "With TensorFlow batches must be shared out within one process. "
                f"Received: {name} in the environment. Keras' `fit` fails with "
                "`MultiWorkerMirroredStrategy` (keras-team/keras issue 20585, open). "
                f"{_ON_JAX}"
            )
        return
    if several:
        _join_on_jax()


def _join_on_jax() -> None:
    import jax  # pyright: ignore[reportMissingImports]

    missing = [name for name in _OF_PROCESSES if not os.environ.get(name)]
    if missing:
        raise ValueError(
            f"Several processes must be described by {', '.join(_OF_PROCESSES)}. "
            f"Received: none of {', '.join(missing)}."
        )
    if jax.distributed.is_initialized():
        return
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    keras.distribution.initialize()


_ON_JAX = (
    "Take JAX (KERAS_BACKEND=jax), on which several devices, processes and hosts work, "
    "or one device (`--distribute none`)."
)
