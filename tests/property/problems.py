"""Transposed convolutions to compute, drawn at random, and the answer by definition.

All hold small integers, so that every right way of summing gives the same numbers.
"""

from dataclasses import dataclass

import numpy as np
from hypothesis import assume, settings
from hypothesis import strategies as st

WORDS = ("valid", "same")
PADDINGS = (*WORDS, "zeros")
TAILS = ("none", "output_padding", "output_shape")

# Largest input, kernel and stride for 1, 2 and 3 axes.
LARGEST = {1: (8, 6, 5), 2: (5, 4, 4), 3: (3, 3, 3)}


def examples(number):
    """Settings of so many examples, and of 20 times as many in the full tier."""
    return settings(max_examples=number * settings().max_examples // 100)


@dataclass(frozen=True)
class Problem:
    """Arguments of a transposed convolution, and the window that they ask for."""

    x: np.ndarray  # (*spatial, out), perhaps with a batch in front
    kernel: np.ndarray  # (*spatial, in / groups, out)
    bias: np.ndarray | None
    convolution: dict  # strides, padding, dilation_rate and groups
    tail: dict  # output_padding or output_shape, or neither
    crop: tuple[int, ...]  # c, as the conventions have it
    length: tuple[int, ...]  # O

    @property
    def rank(self):
        return self.kernel.ndim - 2

    @property
    def arguments(self):
        return {**self.convolution, **self.tail}

    @property
    def extent(self):
        dilations = self.convolution["dilation_rate"]
        sizes = self.kernel.shape[: self.rank]
        return tuple(d * (k - 1) + 1 for d, k in zip(dilations, sizes, strict=True))

    @property
    def shape(self):
        """Of the result."""
        batch = self.x.shape[: -1 - self.rank]
        channels = self.kernel.shape[-2] * self.convolution["groups"]
        return (*batch, *self.length, channels)

    @property
    def aborts_xla(self):
        """Whether XLA, which JAX computes with, may end the whole process.

        Its simplifier swaps image and kernel where that makes the kernel smaller, and
        takes an axis with two taps, stride 2 and no padding for one of groups. That
        is the transpose of a convolution padded by one.
        """
        strides, dilations = map(self.convolution.get, ("strides", "dilation_rate"))
        axes = zip(
            self.x.shape[-1 - self.rank : -1],
            self.kernel.shape[: self.rank],
            strides,
            dilations,
            self.crop,
            self.length,
            strict=True,
        )
        return self.rank > 1 and any(
            n != 2 and k == s == 2 and d == c == 1 and o == 2 * n - 2
            for n, k, s, d, c, o in axes
        )

    def by_definition(self):
        """y[s*i + d*t - c] += w[t] x[i], in Python's words."""
        strides, dilations = map(self.convolution.get, ("strides", "dilation_rate"))
        spatial = slice(-1 - self.rank, -1)
        x = self.x.reshape(-1, *self.x.shape[spatial], self.x.shape[-1])
        y = np.zeros((len(x), *self.length, self.shape[-1]))
        kernel = connected(self.kernel, self.convolution["groups"])
        for i in np.ndindex(x.shape[spatial]):
            for t in np.ndindex(self.kernel.shape[: self.rank]):
                axes = zip(strides, i, dilations, t, self.crop, strict=True)
                o = tuple(s * i + d * t - c for s, i, d, t, c in axes)
                if all(0 <= o < n for o, n in zip(o, self.length, strict=True)):
                    y[:, *o] += x[:, *i].astype(float) @ kernel[t].T
        if self.bias is not None:
            y += self.bias
        return y.reshape(self.shape)


def connected(kernel, groups):
    """The kernel without groups: zeros between channels of different ones."""
    inputs, outputs = kernel.shape[-2:]
    full = np.zeros((*kernel.shape[:-2], inputs * groups, outputs))
    each = outputs // groups
    for g in range(groups):
        of_group = slice(g * each, (g + 1) * each)
        full[..., g * inputs : (g + 1) * inputs, of_group] = kernel[..., of_group]
    return full


def integers(random, shape, dtype):
    """Small numbers of both signs where the type has them."""
    low = 0 if np.dtype(dtype).kind == "u" else -8
    return random.integers(low, 9, shape).astype(dtype)


@st.composite
def problems(
    draw,
    ranks=(1, 2, 3),
    *,
    paddings=PADDINGS,
    tails=TAILS,
    least_zeros=-3,
    max_stride=5,
    max_dilation=3,
    max_groups=3,
    dtypes=("float32",),
    batches=(1, 2),
):
    """Transposed convolutions with unlike axes and unlike channels."""
    rank = draw(st.sampled_from(ranks))
    sizes = (*LARGEST[rank][:2], min(LARGEST[rank][2], max_stride))
    n, k, s = (draw(st.tuples(*[st.integers(1, size)] * rank)) for size in sizes)
    d = draw(st.tuples(*[st.integers(1, max_dilation)] * rank))
    extent = tuple(d * (k - 1) + 1 for d, k in zip(d, k, strict=True))
    full = tuple((n - 1) * s + e for n, s, e in zip(n, s, extent, strict=True))
    word = draw(st.sampled_from(paddings))
    tail = draw(st.sampled_from(tails))

    padding, crop, length, more = [], [], [], []
    for axis in zip(n, s, d, extent, full, strict=True):
        zeros, c, o, a = draw(_axis(*axis, word, tail, least_zeros))
        padding.append(zeros)
        crop.append(c)
        length.append(o)
        more.append(a)
    assume(min(length) >= 1)

    groups = draw(st.integers(1, max_groups))
    inputs, outputs = draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    batch = draw(st.sampled_from(batches))
    x, kernel, bias = (draw(st.sampled_from(dtypes)) for _ in range(3))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lead = () if batch is None else (batch,)
    return Problem(
        x=integers(random, (*lead, *n, outputs), x),
        kernel=integers(random, (*k, inputs, outputs), kernel),
        bias=integers(random, groups * inputs, bias) if draw(st.booleans()) else None,
        convolution={
            "strides": s,
            "padding": word if word in WORDS else tuple(padding),
            "dilation_rate": d,
            "groups": groups,
        },
        tail={
            "none": {},
            "output_padding": {"output_padding": tuple(more)},
            "output_shape": {"output_shape": tuple(length)},
        }[tail],
        crop=tuple(crop),
        length=tuple(length),
    )


@st.composite
def _axis(draw, n, s, d, extent, full, word, tail, least):
    """Zeros around it, `c`, `O` and `output_padding`, all read off the conventions."""
    before = after = 0
    if word == "zeros":
        before = draw(st.integers(least, min(extent, full - 1 - least)))
        after = draw(st.integers(least, min(extent, full - before) - 1))
    more = draw(st.integers(0, s - 1))
    if word == "zeros" and tail == "output_padding":
        more = draw(st.integers(0, max(s, d) - 1))  # PyTorch's
    odd = extent % 2
    length = {
        ("zeros", "none"): full - before - after,
        ("zeros", "output_padding"): full - before - after + more,
        ("zeros", "output_shape"): full - before - after + more,
        ("valid", "none"): (n - 1) * s + max(extent, s),
        ("valid", "output_padding"): full + more,
        ("valid", "output_shape"): full + more,
        ("same", "none"): n * s,
        ("same", "output_padding"): (n - 1) * s + odd + more,
        ("same", "output_shape"): (n - 1) * s + 1 + more,
    }[word, tail]
    # "same" takes what is too much off both ends, and the odd pixel off the last.
    crop = max(full - length, 0) // 2 if word == "same" else before
    return (before, after), crop, length, more
