"""Write `onnx_golden.json`: what ONNX's own cases leave out, judged by ONNX Runtime.

    python -m tests.conformance.make_onnx_golden

Arrays hold small integers, so that every program has to give the very same numbers.
Kernels are never symmetric, and input, output, height and width differ where they can.
Left out is what ONNX's authorities disagree about: see `test_upstream_faults.py`.
"""

import json

import numpy as np

from .case import integers
from .judges import run_onnx
from .onnx_cases import GOLDEN

# Name, batch, channels in and out, input and kernel shape, attributes; with a bias or
# without.
# fmt: off
CALLS = [
    ("1d", 2, 2, 3, (5,), (3,), {}, False),
    ("1d_bias", 1, 1, 2, (4,), (2,), {}, True),
    ("1d_strides", 1, 2, 1, (4,), (4,), {"strides": [3]}, False),
    ("1d_kernel_below_strides", 1, 1, 2, (4,), (2,), {"strides": [4]}, True),
    ("1d_kernel_below_strides_output_padding", 2, 2, 1, (3,), (2,),
     {"strides": [4], "output_padding": [2]}, True),
    ("1d_kernel_below_strides_pads", 1, 1, 1, (4,), (2,),
     {"strides": [4], "pads": [1, 0]}, True),
    ("1d_pads", 1, 1, 1, (5,), (4,), {"pads": [1, 2]}, False),
    ("1d_pads_beyond_the_kernel", 1, 2, 2, (5,), (2,),
     {"strides": [2], "pads": [3, 1]}, True),
    ("1d_dilations", 1, 2, 3, (4,), (3,), {"dilations": [3]}, False),
    ("1d_dilations_strides", 2, 3, 2, (4,), (3,),
     {"dilations": [2], "strides": [3]}, True),
    ("1d_dilations_are_strides", 1, 1, 1, (4,), (3,),
     {"dilations": [2], "strides": [2], "pads": [1, 1]}, False),
    ("1d_output_padding", 1, 2, 1, (4,), (3,),
     {"strides": [3], "pads": [2, 2], "output_padding": [1]}, True),
    ("1d_output_padding_beyond_pads", 1, 1, 2, (4,), (3,),
     {"strides": [4], "pads": [1, 1], "output_padding": [3]}, True),
    ("1d_same_upper_odd", 1, 1, 1, (4,), (3,),
     {"strides": [2], "auto_pad": "SAME_UPPER"}, False),
    ("1d_same_lower_odd", 1, 1, 1, (4,), (3,),
     {"strides": [2], "auto_pad": "SAME_LOWER"}, False),
    ("1d_same_upper_dilations", 1, 2, 1, (4,), (3,),
     {"strides": [2], "dilations": [2], "auto_pad": "SAME_UPPER"}, True),
    ("1d_same_lower_dilations", 1, 2, 1, (4,), (3,),
     {"strides": [2], "dilations": [2], "auto_pad": "SAME_LOWER"}, True),
    ("1d_output_shape_odd", 1, 1, 1, (4,), (5,),
     {"strides": [2], "output_shape": [8]}, False),
    ("1d_output_shape_odd_same_upper", 1, 1, 1, (4,), (5,),
     {"strides": [2], "output_shape": [8], "auto_pad": "SAME_UPPER"}, False),
    ("1d_output_shape_odd_same_lower", 1, 1, 1, (4,), (5,),
     {"strides": [2], "output_shape": [8], "auto_pad": "SAME_LOWER"}, False),
    ("1d_output_shape_output_padding", 1, 2, 1, (4,), (3,),
     {"strides": [3], "output_shape": [11], "output_padding": [2]}, True),
    ("1d_output_shape_beyond_the_end", 1, 1, 1, (3,), (3,),
     {"strides": [4], "output_shape": [13]}, True),
    ("1d_group_bias", 1, 4, 6, (4,), (3,), {"strides": [2], "group": 2}, True),
    ("1d_depthwise_bias", 2, 3, 3, (4,), (2,), {"strides": [2], "group": 3}, True),
    ("2d_batch", 3, 2, 3, (2, 3), (3, 2), {}, True),
    ("2d_strides", 1, 2, 2, (3, 2), (3, 4), {"strides": [2, 3]}, False),
    ("2d_pads_all_different", 1, 1, 2, (4, 5), (4, 5),
     {"strides": [2, 1], "pads": [1, 3, 2, 0]}, False),
    ("2d_dilations_strides_pads", 1, 2, 1, (3, 4), (3, 2),
     {"strides": [2, 3], "dilations": [3, 2], "pads": [2, 0, 1, 1]}, True),
    ("2d_output_padding", 1, 2, 1, (3, 2), (3, 3),
     {"strides": [3, 2], "pads": [1, 0, 1, 0], "output_padding": [2, 1]}, True),
    ("2d_same_upper", 1, 1, 2, (3, 4), (3, 5),
     {"strides": [2, 2], "auto_pad": "SAME_UPPER"}, False),
    ("2d_same_lower", 1, 1, 2, (3, 4), (3, 5),
     {"strides": [2, 2], "auto_pad": "SAME_LOWER"}, False),
    ("2d_output_shape", 1, 1, 1, (3, 3), (4, 3),
     {"strides": [2, 3], "output_shape": [7, 8]}, False),
    ("2d_valid", 1, 1, 1, (3, 2), (2, 3),
     {"strides": [2, 2], "auto_pad": "VALID", "output_padding": [1, 0]}, False),
    ("2d_group", 1, 4, 2, (3, 2), (2, 3), {"strides": [2, 1], "group": 2}, False),
    ("2d_group_bias", 2, 4, 6, (2, 3), (3, 2),
     {"strides": [2, 1], "pads": [1, 0, 0, 1], "group": 2}, True),
    ("2d_group_dilations", 1, 6, 3, (2, 3), (2, 2),
     {"strides": [1, 2], "dilations": [2, 3], "group": 3}, True),
    ("2d_depthwise_multiplier", 1, 2, 4, (3, 3), (3, 2),
     {"strides": [2, 2], "group": 2}, True),
    ("3d", 1, 1, 2, (2, 3, 2), (2, 1, 3), {}, False),
    ("3d_strides_pads", 1, 2, 1, (2, 3, 2), (3, 2, 3),
     {"strides": [2, 1, 3], "pads": [1, 0, 2, 0, 1, 1]}, True),
    ("3d_dilations_output_padding", 1, 1, 1, (2, 2, 3), (2, 3, 2),
     {"strides": [3, 2, 2], "dilations": [2, 1, 2], "pads": [1, 1, 0, 1, 1, 2],
      "output_padding": [2, 0, 1]}, True),
    ("3d_same_lower_group", 1, 2, 2, (2, 2, 2), (3, 2, 4),
     {"strides": [2, 1, 3], "auto_pad": "SAME_LOWER", "group": 2}, True),
]
# fmt: on


def golden_entries():
    """Ask ONNX Runtime for each output."""
    rng = np.random.default_rng(0)
    for name, batch, channels, filters, size, taps, attributes, biased in CALLS:
        groups = attributes.get("group", 1)
        inputs = {
            "x": integers(rng, batch, channels, *size),
            "kernel": integers(rng, channels, filters // groups, *taps),
        }
        if biased:
            inputs["bias"] = integers(rng, filters)
        y = run_onnx(*inputs.values(), **attributes)
        yield {"name": name, "attributes": attributes} | {
            name: {"shape": array.shape, "data": array.astype(int).ravel().tolist()}
            for name, array in {**inputs, "y": y}.items()
        }


def main():
    """Write the file, a case a line."""
    import onnxruntime

    judge = json.dumps(f"onnxruntime {onnxruntime.__version__}")
    lines = ",\n".join(json.dumps(e, separators=(",", ":")) for e in golden_entries())
    GOLDEN.write_text(f'{{"judge": {judge}, "cases": [\n{lines}\n]}}\n')
    print(f"{GOLDEN}: {len(CALLS)} cases, {GOLDEN.stat().st_size / 1e3:.0f} KB")


if __name__ == "__main__":
    main()
