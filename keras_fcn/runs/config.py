"""Everything that a training is told, as Python, as flags and as YAML."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import os
import types
import typing
from dataclasses import dataclass
from typing import Any

import keras
import yaml

from .. import models
from ..backbones import topologies_of
from ..datasets import DataConfig
from ..hardware import JIT_CHOICES, PRECISIONS, computing_in
from ..layers import PREPROCESSING_MODES
from ..optimizers import LR_POLICIES, MULTIPLIERS
from ..suggestions import require_choice
from .plain_yaml import read_yaml, shown

MODELS = {
    "fcn32s": models.build_fcn32s,
    "fcn16s": models.build_fcn16s,
    "fcn8s": models.build_fcn8s,
    "fcn8s_atonce": functools.partial(
        models.build_fcn8s, at_once=True, name="fcn8s_atonce"
    ),
}

# The learning rate that each optimiser is usually begun with here: fine-tuning from
# ImageNet, mean loss.
LEARNING_RATES = {"adam": 1e-4, "adamw": 1e-4, "sgd": 1e-3, "caffe_sgd": 1e-3}

# What a network does with an image first. "backbone": what its backbone expects.
PREPROCESSINGS = ("backbone", *PREPROCESSING_MODES, "none")

# What makes the weights of one run fit into the network of another.
NETWORK = ("backbone", "preprocessing", "topology", "upsampling", "width")


@dataclass(frozen=True, kw_only=True)
class RunConfig(DataConfig):
    """The complete configuration of a training; its names are the CLI's flags.

    Args:
        dataset: As in `DataConfig`; so are all of its arguments.
        model: `"fcn32s"`, `"fcn16s"`, `"fcn8s"` or `"fcn8s_atonce"`.
        from_run: Folder of a run whose weights this one begins with, layer by layer
            and class by class; `weights` plays no part then.
        epochs: Times that each training sample is seen, or as `steps_per_epoch` says.
        steps_per_epoch: Steps between two validations; `0` sees each sample once.
        batch_size: Samples per step.
        accumulate: Steps whose gradients are averaged before the weights move.
        crop_size: Pixels a side of training cuts; `0` trains at native sizes.
        augment: Whether to scale and flip training samples at random.
        cache: Whether to keep decoded training samples in memory, up to 4 GiB.
        scale_range: Lowest and highest factor of that scaling.
        optimizer: `"adam"`, `"adamw"`, `"sgd"` or `"caffe_sgd"`, the paper's.
        lr: Learning rate of the first step.
        lr_policy: `"poly"`: it falls to zero by `(1 - t)**0.9`; or `"fixed"`.
        momentum: Of `"sgd"` and `"caffe_sgd"`.
        weight_decay: Of `"sgd"`, `"caffe_sgd"` and `"adamw"`.
        doubled_biases: Whose biases learn at twice the rate and without decay, with
            `"caffe_sgd"`: `"all"`, `"scores"` or `"none"`.
        loss: `"mean"` or `"sum"` over valid pixels.
        precision: `"float32"`, `"mixed_float16"` or `"mixed_bfloat16"`.
        jit: Whether to compile with the backend's compiler: `"on"`, `"off"`, or
            `"auto"` where that was measured to be faster.
        deterministic: Whether operations give the same bits each time, slower ones
            among them.
        weights: `"imagenet"`, `"none"`, the path of a weights file, or the name of
            published weights.
        backbone: As in `build_fcn8s`, by name; so are the following.
        preprocessing: `"backbone"`, what the backbone expects; `"caffe"`, `"torch"`,
            `"tf"` or `"none"`.
        topology: As in `build_fcn8s`.
        upsampling: As in `build_fcn8s`.
        width: As in `build_fcn8s`.
        dropout: As in `build_fcn8s`.
        seed: Of weights, dropout, sample order and augmentation, and of what is held
            out for validation.

    Raises:
        ValueError: If a value is impossible.
    """

    model: str = "fcn8s"
    from_run: str | None = None
    epochs: int = 20
    steps_per_epoch: int = 0
    batch_size: int = 8
    accumulate: int = 1
    crop_size: int = 0
    augment: bool = True
    scale_range: tuple[float, float] = (0.5, 2.0)
    cache: bool = False
    optimizer: str = "adam"
    lr: float = LEARNING_RATES["adam"]
    lr_policy: str = "poly"
    momentum: float = 0.9
    weight_decay: float = 0.0
    doubled_biases: str = "none"
    loss: str = "mean"
    precision: str = "float32"
    jit: str = "auto"
    deterministic: bool = False
    weights: str = "imagenet"
    backbone: str = "vgg16"
    preprocessing: str = "backbone"
    topology: str | None = None
    upsampling: str = "fixed"
    width: float = 1.0
    dropout: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("model", self.model, MODELS)
        if self.topology is None:
            own = topologies_of(self.backbone)[0]
            object.__setattr__(self, "topology", own)
        require_choice("optimizer", self.optimizer, LEARNING_RATES)
        require_choice("lr_policy", self.lr_policy, LR_POLICIES)
        require_choice("loss", self.loss, ("mean", "sum"))
        require_choice("doubled_biases", self.doubled_biases, MULTIPLIERS)
        require_choice("precision", self.precision, PRECISIONS)
        require_choice("jit", self.jit, JIT_CHOICES)
        require_choice("preprocessing", self.preprocessing, PREPROCESSINGS)
        for name in ("epochs", "batch_size", "accumulate"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("steps_per_epoch", "crop_size", "weight_decay", "seed"):
            self._require(name, getattr(self, name) >= 0, "at least 0")
        self._require("lr", self.lr > 0, "above 0")
        low, high = self.scale_range
        self._require("scale_range", 0 < low <= high, "two rising factors above 0")
        self._require("momentum", 0 <= self.momentum < 1, "at least 0 and below 1")
        self._require(
            "precision",
            (self.precision, self.loss) != ("mixed_float16", "sum"),
            'another one with `loss="sum"`, which would overflow 16 bits',
        )
        self._require(
            "doubled_biases",
            self.optimizer == "caffe_sgd" or self.doubled_biases == "none",
            '"none" with any optimizer but "caffe_sgd"',
        )

    def build(
        self,
        weights: str | os.PathLike[str] | None = None,
        precision: str | None = None,
    ) -> keras.Model:
        """Build the network, with these weights or at random.

        In Keras' current precision if none is given.
        """
        with computing_in(precision):
            return MODELS[self.model](
                num_classes=len(self.class_names),
                weights=weights,
                backbone=self.backbone,
                include_preprocessing={"backbone": True, "none": False}.get(
                    self.preprocessing, self.preprocessing
                ),
                topology=self.topology,
                upsampling=self.upsampling,
                width=self.width,
                dropout=self.dropout,
            )

    def to_yaml(self, environment: dict[str, str] | None = None) -> str:
        """Return the configuration as YAML; `environment` is kept for the reader."""
        data = dataclasses.asdict(self)
        for name, value in data.items():  # YAML has no tuples
            data[name] = list(value) if isinstance(value, tuple) else value
        if environment:
            data["environment"] = environment
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)

    @classmethod
    def from_yaml(cls, text: str) -> RunConfig:
        """Read what `to_yaml` wrote.

        Nothing but YAML's plain values is read: no objects, no aliases.

        Raises:
            ValueError: If it is no such YAML, with the line; if a key is unknown, with
                the nearest known one; or if a value is of the wrong type.
        """
        data = read_yaml(text)
        if isinstance(data, dict):
            data.pop("environment", None)
        return cls.from_plain(data)

    @classmethod
    def from_plain(cls, data: Any) -> RunConfig:
        """Make a configuration of plain values, as YAML and JSON have them.

        Raises:
            ValueError: As `from_yaml` says.
        """
        if not isinstance(data, dict):
            raise ValueError(
                "A configuration must be a mapping of names to values. Received: "
                f"{type(data).__name__}."
            )
        hints = _types_of(cls)
        settings = {}
        for name, value in data.items():
            if name not in hints:
                near = difflib.get_close_matches(str(name)[:100], hints, n=1)
                hint = f" Did you mean `{near[0]}`?" if near else ""
                raise ValueError(
                    "A configuration must hold known names only. "
                    f"Received: {shown(name)}.{hint}"
                )
            if not _is_of_type(value, hints[name]):
                raise ValueError(
                    f"`{name}` must be of type {hints[name]}, and finite. "
                    f"Received: {name}={shown(value)}."
                )
            settings[name] = tuple(value) if isinstance(value, list) else value
        return cls(**settings)

    def _require(self, name: str, ok: bool, rule: str) -> None:
        if not ok:
            raise ValueError(
                f"`{name}` must be {rule}. Received: {name}={getattr(self, name)}."
            )


@functools.cache
def _types_of(kind: type) -> dict[str, Any]:
    """Return the type of each field; Python compiles them, once."""
    return typing.get_type_hints(kind)


def _is_of_type(value: Any, hint: Any) -> bool:
    """Return whether YAML's value is of a type: lists stand for tuples."""
    if isinstance(hint, types.UnionType):
        return any(_is_of_type(value, kind) for kind in hint.__args__)
    if typing.get_origin(hint) is tuple:
        first, *others = typing.get_args(hint)
        if not isinstance(value, list) or others not in (
            [...],
            [first] * (len(value) - 1),
        ):
            return False
        return all(_is_of_type(item, first) for item in value)
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, (int, float)) and math.isfinite(value)
    return isinstance(value, hint)
