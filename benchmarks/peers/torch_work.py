"""The work of the PyTorch peers: inference and training of `FCN8s`, one operation.

On a GPU if PyTorch sees one, else on the CPU.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
from collections.abc import Callable

import numpy as np
import torch
from workers import NotHere, Work

from .draws import VOID, label_maps, photos
from .fcn8s import FCN8s

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cuda":
    torch.set_float32_matmul_precision("high")  # TF32, as the convolutions have it
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True


def settled(work: Work) -> Work:
    """Return work that ends when the GPU has ended it."""
    if DEVICE == "cpu":
        return work

    def run():
        result = work()
        torch.cuda.synchronize()
        return result

    return run


def as_torch(maps: np.ndarray, channels_last: bool = False) -> torch.Tensor:
    """Return maps `(batch, height, width, channels)` in PyTorch's order."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    tensor = torch.from_numpy(maps).permute(0, 3, 1, 2)
    return tensor.to(DEVICE).contiguous(memory_format=layout)


def inference(
    topology: str,
    *,
    batch: int,
    size: int,
    width: float,
    channels_last: bool = False,
    compiled: bool = False,
    bfloat16: bool = False,
) -> Work:
    """Return the logits of photos, laid out as Keras lays them out."""
    net = _network(topology, width, channels_last).eval()
    forward = _compiled(net) if compiled else net
    images = as_torch(photos(batch, size), channels_last)

    def run():
        with torch.inference_mode(), _autocast(bfloat16):
            return forward(images).permute(0, 2, 3, 1)

    return settled(run)


def training(
    topology: str,
    *,
    batch: int,
    size: int,
    width: float,
    rate: float,
    momentum: float,
    channels_last: bool = False,
    compiled: bool = False,
    bfloat16: bool = False,
) -> Work:
    """Return the loss of one step of SGD with momentum."""
    net = _network(topology, width, channels_last).train()
    forward = _compiled(net) if compiled else net
    trained = [weight for weight in net.parameters() if weight.requires_grad]
    optimizer = torch.optim.SGD(trained, rate, momentum)
    images = as_torch(photos(batch, size), channels_last)
    labels = torch.from_numpy(label_maps(batch, size)).long().to(DEVICE)
    loss_of = functools.partial(torch.nn.functional.cross_entropy, ignore_index=VOID)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with _autocast(bfloat16):
            logits = forward(images)
        loss = loss_of(logits.float(), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return settled(step)


def without_gradient(function: Callable[[], torch.Tensor]) -> Work:
    """Return a function of nothing as work, on which no gradient is kept."""

    def run():
        with torch.inference_mode():
            return function()

    return settled(run)


def _network(topology: str, width: float, channels_last: bool) -> FCN8s:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return FCN8s(topology, width=width).to(DEVICE, memory_format=layout)


def _autocast(bfloat16: bool):
    if not bfloat16:
        return contextlib.nullcontext()
    return torch.autocast(DEVICE, dtype=torch.bfloat16)


def _compiled(net: FCN8s) -> Callable:
    if DEVICE == "cpu" and not any(
        shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++")
    ):
        raise NotHere("torch.compile needs a C++ compiler, and there is none")
    # It counts what it compiles by the code, which all networks of a class share.
    torch._dynamo.reset()
    return torch.compile(net)
