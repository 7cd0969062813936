"""Net surgery: a classifier's weights moved into a fully convolutional network."""

from __future__ import annotations

import keras
import numpy as np


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
