"""The window: one axis of a convolution and of its transpose, in six numbers.

Every framework's padding rule, whatever it is called, only chooses two of them: how
many outputs are cropped off the front, and how many are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from .coordinates import CoordinateMap, transposed_convolution
from .requirements import require_positive


def extent_of(kernel_size: int, dilation_rate: int) -> int:
    """Pixels from the first to the last tap, `K = d*(k - 1) + 1`."""
    return dilation_rate * (kernel_size - 1) + 1


def full_length_of(
    input_length: int, kernel_size: int, strides: int, dilation_rate: int
) -> int:
    """Pixels that are painted before any crop, `F = s*(n - 1) + K`."""
    return strides * (input_length - 1) + extent_of(kernel_size, dilation_rate)


@dataclass(frozen=True)
class Window:
    """One axis of a transposed convolution: what is painted, and what is kept of it.

    With the kernel `w`, output pixel `o` is

        y[o] = sum of w[t] * x[i] over all i, t with  s*i + d*t - c = o,  0 <= o < O.

    Read from right to left the same six numbers are the convolution whose transpose
    this is: it takes `O` pixels with `c` zeros in front to `n` pixels.

    Args:
        input_length: `n`, pixels of the transposed convolution's input.
        kernel_size: `k`, taps.
        output_length: `O`, pixels of its output.
        strides: `s`. Defaults to `1`.
        dilation_rate: `d`. Defaults to `1`.
        crop: `c`, pixels cropped off the front; if negative, zeros put there.
            Defaults to `0`.

    Raises:
        ValueError: If a length, the strides or the dilation rate is below 1.

    Example:
        4 pixels, a kernel of 3, stride 2: 9 pixels are painted, 7 are kept.

        >>> window = Window(4, 3, output_length=7, strides=2, crop=1)
        >>> window.full_length, window.tail_crop
        (9, 1)

        Tap 0 of the first and tap 2 of the last input pixel fall on those cropped:

        >>> [list(window.inputs_of_tap(t)) for t in range(3)]
        [[1, 2, 3], [0, 1, 2, 3], [0, 1, 2]]

    Reference:
        Dumoulin & Visin, https://arxiv.org/abs/1603.07285, section 4.1, and their
        letters.
    """

    input_length: int
    kernel_size: int
    output_length: int
    strides: int = 1
    dilation_rate: int = 1
    crop: int = 0

    def __post_init__(self) -> None:
        require_positive(
            input_length=self.input_length,
            kernel_size=self.kernel_size,
            output_length=self.output_length,
            strides=self.strides,
            dilation_rate=self.dilation_rate,
        )

    @property
    def extent(self) -> int:
        """Pixels from the first to the last tap, `K = d*(k - 1) + 1`."""
        return extent_of(self.kernel_size, self.dilation_rate)

    @property
    def full_length(self) -> int:
        """Pixels that are painted before any crop, `F = s*(n - 1) + K`."""
        return full_length_of(
            self.input_length, self.kernel_size, self.strides, self.dilation_rate
        )

    @property
    def tail_crop(self) -> int:
        """Pixels cropped off the end, `e = F - c - O`; if negative, zeros put there."""
        return self.full_length - self.crop - self.output_length

    @property
    def coordinate_map(self) -> CoordinateMap:
        """Where the pixels of the output lie in the input."""
        return transposed_convolution(
            self.kernel_size, self.strides, self.crop, self.dilation_rate
        )

    def inputs_of_tap(self, tap: int) -> range:
        """Return the input pixels whose tap `tap` falls on an output that is kept."""
        first = self.crop - tap * self.dilation_rate  # s*i >= first
        start = max(-(-first // self.strides), 0)
        stop = min(-(-(first + self.output_length) // self.strides), self.input_length)
        return range(start, max(start, stop))

    def output_of(self, pixel: int, tap: int) -> int:
        """Return the output pixel on which tap `tap` of input pixel `pixel` falls."""
        return pixel * self.strides + tap * self.dilation_rate - self.crop


def window_of_convolution(
    length: int,
    kernel_size: int,
    *,
    strides: int = 1,
    padding: str | tuple[int, int] = "valid",
    dilation_rate: int = 1,
) -> Window:
    """The window of a convolution, and so of its transpose.

    Args:
        length: Pixels of the *convolution's* input, the transpose's output.
        kernel_size: `k`, taps.
        strides: `s`. Defaults to `1`.
        padding: `"valid"`; `"same"`, `ceil(length / s)` outputs and the odd zero at
            the end, as in Keras; or the zeros `(before, after)`. Defaults to
            `"valid"`.
        dilation_rate: `d`. Defaults to `1`.

    Returns:
        A `Window` whose `output_length` is `length` and whose `input_length` is the
        number of pixels that the convolution returns.

    Raises:
        ValueError: If the kernel reaches beyond the padded input, `padding` is
            another word, or a number is below 1.

    Example:
        >>> window_of_convolution(7, 3, strides=2).input_length
        3
        >>> window_of_convolution(8, 3, strides=2, padding="same")
        Window(input_length=4, kernel_size=3, output_length=8, strides=2, \
dilation_rate=1, crop=0)

    Reference:
        Dumoulin & Visin, relationship 6.
    """
    require_positive(
        length=length,
        kernel_size=kernel_size,
        strides=strides,
        dilation_rate=dilation_rate,
    )
    extent = extent_of(kernel_size, dilation_rate)
    if padding == "same":
        outputs = -(-length // strides)
        before = max((outputs - 1) * strides + extent - length, 0) // 2
    else:
        before, after = _pair(padding)
        outputs = (length + before + after - extent) // strides + 1
        if outputs < 1:
            raise ValueError(
                "The kernel must fit into the padded input. Received: "
                f"{length} pixels, padding={padding!r} and a kernel that reaches over "
                f"{extent}."
            )
    return Window(outputs, kernel_size, length, strides, dilation_rate, before)


def _pair(padding: str | tuple[int, int]) -> tuple[int, int]:
    if padding == "valid":
        return 0, 0
    if not isinstance(padding, str):
        try:
            before, after = padding
        except (TypeError, ValueError):
            pass
        else:
            return before, after
    raise ValueError(
        '`padding` must be "valid", "same" or the zeros (before, after). '
        f"Received: padding={padding!r}."
    )
