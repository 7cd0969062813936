"""Wrong transposed convolutions, and which suites notice.

A mutant takes a case and computes it with one mistake. Where the mistake cannot be
made, it returns `None`: channels cannot be swapped if they are not equally many.
"""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np

from .transposed_cases import NEEDS, SUITES, cases_of


def with_windows(case, changed):
    """The case with other windows; `None` if none is other."""
    windows = tuple(changed(window) for window in case.windows)
    return None if windows == case.windows else replace(case, windows=windows).compute()


def flipped_kernel(case):
    """The kernel as in a true convolution of the input with gaps."""
    spatial = tuple(range(case.kernel.ndim - 2))
    return replace(case, kernel=np.flip(case.kernel, spatial)).compute()


def swapped_channels(case):
    """The kernel's two channel axes in the other order."""
    if case.kernel.shape[-1] != case.kernel.shape[-2]:
        return None
    return replace(case, kernel=case.kernel.swapaxes(-1, -2)).compute()


def crop_off_by_one(case):
    """One pixel more off the front, one less off the end."""
    return with_windows(case, lambda window: replace(window, crop=window.crop + 1))


def other_half(case):
    """Of an odd total the larger half at the other end: floor for ceil."""

    def turned(window):
        if abs(window.crop - window.tail_crop) != 1:
            return window
        return replace(window, crop=window.tail_crop)

    return with_windows(case, turned)


def ignored_dilation(case):
    """Taps next to each other."""
    return with_windows(
        case,
        lambda window: (
            replace(window, dilation_rate=1) if window.kernel_size > 1 else window
        ),
    )


def interleaved_groups(case):
    """Channel `c` in group `c mod g`, not in group `c div (out/g)`."""
    if case.groups == 1:
        return None
    dealt = np.arange(case.x.shape[-1]).reshape(-1, case.groups).T.ravel()
    return replace(case, x=case.x[..., dealt]).compute()


def bias_of_first_group(case):
    """The first group's bias for every group."""
    if case.groups == 1 or case.bias is None:
        return None
    first = case.bias[: len(case.bias) // case.groups]
    return replace(case, bias=np.tile(first, case.groups)).compute()


def bias_before_zeros(case):
    """No bias on the pixels that are appended."""
    if case.bias is None or all(min(w.crop, w.tail_crop) >= 0 for w in case.windows):
        return None
    painted = replace(case, bias=None).compute()
    seen = tuple(
        slice(max(-w.crop, 0), w.output_length - max(-w.tail_crop, 0))
        for w in case.windows
    )
    painted[(slice(None), *seen)] += case.bias
    return painted


MUTANTS = {
    "kernel flipped": flipped_kernel,
    "in and out swapped": swapped_channels,
    "crop off by one": crop_off_by_one,
    "odd total halved the other way": other_half,
    "dilation ignored": ignored_dilation,
    "groups interleaved": interleaved_groups,
    "bias of the first group": bias_of_first_group,
    "bias before the zeros": bias_before_zeros,
}


def kills(mutant, cases):
    """How many of these cases notice a mutant, and in how many it can be made."""
    results = [(case, MUTANTS[mutant](case)) for case in cases]
    made = [(case, y) for case, y in results if y is not None]
    return sum(not case.agrees(y) for case, y in made), len(made)


def installed_suites():
    """The suites whose judge is installed."""
    return [s for s in SUITES if all(find_spec(m) for m in NEEDS.get(s, []))]


def killed():
    """For each mutant and each suite: cases that notice it, and those that could."""
    suites = installed_suites()
    return {m: {s: kills(m, cases_of(s)) for s in suites} for m in MUTANTS}
