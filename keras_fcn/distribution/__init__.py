"""One training on several devices: each step's batch is shared out among them.

`open_devices` says which devices there are and refuses what cannot work. What it
returns lays out variables and batches; the mathematics of a step stays that of one
device. Knows batches, pixels and metrics; knows no run folder.
"""

from .devices import Devices
from .opening import DISTRIBUTIONS, join_processes, open_devices

__all__ = ["DISTRIBUTIONS", "Devices", "join_processes", "open_devices"]
