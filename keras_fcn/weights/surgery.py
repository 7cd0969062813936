"""Net surgery: one network's weights moved into another one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from .files import named_variables


def transplant(
    source: keras.Model, target: keras.Model, renamed: dict[str, str]
) -> list[str]:
    """Copy weights by layer name; dense layers become convolutions.

    A dense layer on a flattened `7x7x512` map is a 7x7 convolution that sees it
    whole: the same numbers, reshaped. Layers without a namesake stay as they are.

    Args:
        source: The classifier, for example `keras.applications.VGG16()`.
        target: The network to fill.
        renamed: Names in `source` whose counterpart in `target` is called
            something else, `{"fc1": "fc6", "fc2": "fc7"}`.

    Returns:
        The names of the layers of `target` that were filled.

    Raises:
        ValueError: If a layer and its counterpart differ in size. Nothing is
            copied then.

    Reference:
        Long et al., https://arxiv.org/abs/1411.4038, section 3.1 and figure 2;
        `transplant` in the authors' `surgery.py`.
    """
    counterparts = {layer.name: layer for layer in target.layers}
    copies: list[tuple[keras.Variable, np.ndarray]] = []
    filled: list[str] = []
    wrong: list[str] = []
    for layer in source.layers:
        other = counterparts.get(renamed.get(layer.name, layer.name))
        if other is None or not layer.weights:
            continue
        filled.append(other.name)
        for variable, new in zip(layer.weights, other.weights, strict=True):
            value = keras.ops.convert_to_numpy(variable)
            if value.size != np.prod(new.shape):
                wrong.append(f"  - {other.name}: {value.shape} to {tuple(new.shape)}")
                continue
            copies.append((new, value.reshape(new.shape)))
    if wrong:
        raise ValueError(
            f"The weights of `{source.name}` must fit the layers of "
            f"`{target.name}`. These differ in size:\n" + "\n".join(wrong)
        )
    for variable, value in copies:
        variable.assign(value)
    return filled


@dataclass(frozen=True)
class Inheritance:
    """What one network took over from another, variables named `layer/variable`.

    Args:
        copied: Taken over whole.
        by_class: Taken over for the classes that both networks have.
        new: Those that the other network does not have.
        left_behind: Those that the other network alone has.
    """

    copied: tuple[str, ...]
    by_class: tuple[str, ...]
    new: tuple[str, ...]
    left_behind: tuple[str, ...]


def inherit(
    source: keras.Model,
    target: keras.Model,
    source_classes: Sequence[str],
    target_classes: Sequence[str],
) -> Inheritance:
    """Copy a trained network into another one, layer by layer and class by class.

    The next stage of FCN-32s, 16s and 8s begins so, and so does a network of other
    classes: scores are copied for the classes of the same name; those of a new class
    stay as they were, at zero in a network just built.

    Args:
        source: The trained network.
        target: The network to fill, of the same backbone and width.
        source_classes: Names of the classes that `source` scores.
        target_classes: Names of those that `target` scores.

    Returns:
        What became of each variable.

    Raises:
        ValueError: If the networks have no layer in common, or layers of the same
            name of different sizes. Nothing is copied then.

    Example:
        >>> import keras_fcn
        >>> thin = {"weights": None, "width": 0.02}
        >>> old = keras_fcn.build_fcn32s(num_classes=2, **thin)
        >>> new = keras_fcn.build_fcn16s(num_classes=3, **thin)
        >>> report = inherit(old, new, ["background", "cat"],
        ...                  ["background", "dog", "cat"])
        >>> report.by_class
        ('score_fr/kernel', 'score_fr/bias')
        >>> report.new
        ('score_pool4/kernel', 'score_pool4/bias')

    Reference:
        `transplant` and `expand_score` in `surgery.py` of
        https://github.com/shelhamer/fcn.berkeleyvision.org.
    """
    theirs, ours = named_variables(source), named_variables(target)
    common = [name for name in ours if name in theirs]
    if not common:
        raise ValueError(
            f"`{target.name}` must have layers of the same names as `{source.name}`, "
            "from which it shall begin. Received: none in common."
        )
    same_classes = list(source_classes) == list(target_classes)
    kept = [
        (source_classes.index(name), index)
        for index, name in enumerate(target_classes)
        if name in source_classes
    ]
    values: dict[str, np.ndarray] = {}
    by_class, wrong = [], []
    for name in common:
        old = keras.ops.convert_to_numpy(theirs[name])
        if _is_per_class(name) and not same_classes:
            by_class.append(name)
            value = np.array(keras.ops.convert_to_numpy(ours[name]))
            axes = 2 if re.match(r"upscore.*/kernel", name) else 1
            if old.shape[:-axes] == value.shape[:-axes]:
                values[name] = _by_class(old, value, kept, axes)
                continue
            wrong.append(f"  - {name}: {old.shape} to {value.shape}")
        elif old.shape != tuple(ours[name].shape):
            wrong.append(f"  - {name}: {old.shape} to {tuple(ours[name].shape)}")
        else:
            values[name] = old
    if wrong:
        raise ValueError(
            f"The layers of `{target.name}` must have the sizes of those of "
            f"`{source.name}`, from which it shall begin. These differ:\n"
            + "\n".join(wrong)
            + "\nGive both the same backbone, topology, upsampling and width."
        )
    for name, value in values.items():
        ours[name].assign(value)
    return Inheritance(
        copied=tuple(name for name in common if name not in by_class),
        by_class=tuple(by_class),
        new=tuple(name for name in ours if name not in theirs),
        left_behind=tuple(name for name in theirs if name not in ours),
    )


def _is_per_class(name: str) -> bool:
    return name.startswith(("score_", "upscore"))


def _by_class(
    old: np.ndarray,
    new: np.ndarray,
    kept: Sequence[tuple[int, int]],
    axes: int,
) -> np.ndarray:
    """Return `new` with what `old` has for the classes in `kept`, by its last axes."""
    if not kept:
        return new
    sources, targets = (list(indices) for indices in zip(*kept, strict=True))
    rest = tuple(range(n) for n in new.shape[:-axes])
    new[np.ix_(*rest, *[targets] * axes)] = old[np.ix_(*rest, *[sources] * axes)]
    return new
