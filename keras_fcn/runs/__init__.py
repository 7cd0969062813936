"""A run: everything that a training was told, and the network that came out.

A run folder holds `config.yaml`, the complete effective configuration, and weights
named by layer. This room writes and reads both; it knows nothing of how training goes.
"""

from .config import LEARNING_RATES, MODELS, NETWORK, RunConfig
from .folder import CONFIG, load_run, read_config, write_config

__all__ = [
    "CONFIG",
    "LEARNING_RATES",
    "MODELS",
    "NETWORK",
    "RunConfig",
    "load_run",
    "read_config",
    "write_config",
]
