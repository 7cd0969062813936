"""FCN-8s as an exported file, run by ONNX Runtime: see `keras_fcn.export`."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

import numpy as np
from side_by_side import Contender
from workers import Work

from .networks import Shape, network

CALIBRATION = 2  # photos of noise, which are all alike


def exported(shape: Shape, topology: str, *, int8: bool) -> Contender:
    """Return the file as a contender, in the process that has written it."""
    prepare = functools.partial(running, shape, topology, int8)
    return Contender("tensorflow", prepare, "int8" if int8 else "float32")


def running(shape: Shape, topology: str, int8: bool) -> Work:
    """Return the labelling of a photo: preprocessing and argmax are in the file."""
    import onnxruntime

    from keras_fcn.export import export

    model = network(shape, topology, include_preprocessing=True)
    random = np.random.default_rng(0)
    size = (CALIBRATION, shape.size, shape.size, 3)
    photos = list(random.integers(0, 256, size, "uint8"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        options = {"calibration": photos} if int8 else {}
        export(model, file, int8=int8, photos=photos[:1], **options)
        content = file.read_bytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    # Else its threads look for work in the turns of others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )
    image = np.stack(photos[: shape.batch])
    return lambda: session.run(["labels"], {"image": image})[0]
