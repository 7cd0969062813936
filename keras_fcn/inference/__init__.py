"""Inference: from photos to labels, and from labels to scores.

Knows networks, scores and pictures; knows nothing of how a network was trained.
"""

from .evaluate import evaluate
from .fold import fold_for_inference
from .predict import predict

__all__ = ["evaluate", "fold_for_inference", "predict"]
