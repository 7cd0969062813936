"""The faults that a training and its files survive, by number.

`@pytest.mark.fault(5)` says which one a test is about; `record_property("cases", n)` in
the test, how many cases it went through (one, if it does not say).
"""

FAULTS = {
    1: "killed at a random step",
    2: "killed within a save",
    3: "resumed at every position",
    4: "power loss: torn, zeroed or flipped bytes",
    5: "disk full in a checkpoint",
    6: "disk full in data prepare and predict",
    7: "folder read-only, a file, or missing",
    8: "SIGTERM, SIGINT, SIGHUP, and twice",
    9: "loss that is no number",
    10: "corrupt image",
    11: "silent damage of a photo",
    12: "wrong labels and masks",
    13: "empty, tiny or void data",
    14: "classes that are absent",
    15: "odd sizes",
    16: "huge image",
    17: "decompression bomb",
    18: "odd modes and formats",
    19: "EXIF orientation",
    20: "odd file names",
    21: "hostile archive",
    22: "failing download",
    23: "hostile .mat file",
    24: "hostile weights file",
    25: "hostile configuration",
    26: "two processes, one run folder",
    27: "clock jumps, equal file times",
    28: "configuration or data changed on resume",
    29: "out of memory",
    30: "dependency with a known hole",
}
