"""PyTorch's cross-entropy, asked in the layout that the logits lie in."""

from __future__ import annotations

# PyTorch ignores -100 if it is told nothing. No label of a float's can be this one.
NO_LABEL = 2**63 - 1


def crossentropy(labels, logits, ignore_class):
    """Return the cross-entropy `(...)` of logits `(..., num_classes)`.

    A label that is no class is an error on a CPU, and not-a-number elsewhere: a GPU's
    own error would end the process' use of it.
    """
    form = crossentropy_on_cpu if logits.device.type == "cpu" else crossentropy_unasked
    return form(labels, logits, ignore_class)


def crossentropy_on_cpu(labels, logits, ignore_class):
    """The form for a CPU, where a copy of all logits is dear and asking is not."""
    void = _void(labels, ignore_class)
    # Else the gradient of a void pixel's infinite logit would be 0 * infinity.
    if not logits[void].isfinite().all():
        logits = logits.masked_fill(void[..., None], 0)
    ignored = NO_LABEL if ignore_class is None else ignore_class
    return _losses(labels.long(), logits, ignored)


def crossentropy_unasked(labels, logits, ignore_class):
    """The form for an accelerator, where an answer that Python waits for is dear."""
    import torch  # pyright: ignore[reportMissingImports]

    void, classes = _void(labels, ignore_class), logits.shape[-1]
    index = labels.long().clamp(0, classes - 1).masked_fill(void, NO_LABEL)
    losses = _losses(index, logits.masked_fill(void[..., None], 0), NO_LABEL)
    known = (labels >= 0) & (labels < classes) | void
    # A factor, so that the gradient is not-a-number too.
    return losses * torch.where(known, 1.0, float("nan"))


def _void(labels, ignore_class):
    # `== None` is one bool, not one for each label.
    return labels == (NO_LABEL if ignore_class is None else ignore_class)


def _losses(labels, logits, ignored):
    from torch.nn import functional  # pyright: ignore[reportMissingImports]

    shape = labels.shape
    if logits.stride(-1) == 1:
        labels, logits = labels.reshape(-1), logits.reshape(-1, logits.shape[-1])
    else:  # the channels lie first
        logits = logits.movedim(-1, 1)
    losses = functional.cross_entropy(
        logits, labels, ignore_index=ignored, reduction="none"
    )
    return losses.reshape(shape)
