"""PyTorch's cross-entropy, asked in the layout that the logits lie in."""

from __future__ import annotations

# PyTorch ignores -100 if it is told nothing. No label of a float's can be this one.
NO_LABEL = 2**63 - 1


def crossentropy(labels, logits, ignore_class):
    """Return the cross-entropy `(...)` of logits `(..., num_classes)`."""
    from torch.nn import functional  # pyright: ignore[reportMissingImports]

    void = labels == ignore_class
    # Else the gradient of a void pixel's infinite logit would be 0 * infinity. A copy
    # of all logits is dear on a CPU, and asking is dear elsewhere.
    if logits.device.type != "cpu" or not logits[void].isfinite().all():
        logits = logits.masked_fill(void[..., None], 0)
    shape, labels = labels.shape, labels.long()
    if logits.stride(-1) == 1:
        labels, logits = labels.reshape(-1), logits.reshape(-1, logits.shape[-1])
    else:  # the channels lie first
        logits = logits.movedim(-1, 1)
    losses = functional.cross_entropy(
        logits,
        labels,
        ignore_index=NO_LABEL if ignore_class is None else ignore_class,
        reduction="none",
    )
    return losses.reshape(shape)
