"""The ImageNet classifiers of `keras.applications`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def imagenet_classifier(
    build: Callable[..., keras.Model], **options: Any
) -> keras.Model:
    """Load the ImageNet classifier that a network's first weights come from.

    Args:
        build: A builder of `keras.applications`.
        **options: Its arguments; `include_top`, whether the fully connected layers
            are wanted, above all.

    Returns:
        The Keras model.

    Raises:
        RuntimeError: If the weights are not on this machine and cannot be
            downloaded.
    """
    try:
        return build(weights="imagenet", **options)
    except Exception as error:  # Keras raises a bare Exception for a failed fetch
        raise RuntimeError(
            f"The ImageNet weights of {build.__name__} could not be downloaded: "
            f"{error}. Connect to the internet once, put Keras' file into "
            "~/.keras/models, or pass `weights=None` or the path of a weights file."
        ) from error
