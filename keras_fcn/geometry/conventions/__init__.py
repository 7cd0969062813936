"""Every framework's words for a window: `from_x` reads them, `to_x` speaks them.

`from_x` describes one axis. `to_x` takes one window for each axis and returns the
arguments of one call, or raises `NotRepresentable` with the reason and a work-around.
"""

from .caffe import from_caffe, to_caffe
from .jax import from_jax, to_jax
from .keras import from_keras, to_keras
from .onnx import from_onnx, to_onnx
from .pytorch import from_pytorch, to_pytorch
from .tensorflow import from_tensorflow, to_tensorflow

__all__ = [
    "from_caffe",
    "from_jax",
    "from_keras",
    "from_onnx",
    "from_pytorch",
    "from_tensorflow",
    "to_caffe",
    "to_jax",
    "to_keras",
    "to_onnx",
    "to_pytorch",
    "to_tensorflow",
]
