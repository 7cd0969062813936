"""A run: everything that a training was told, and the network that came out.

A run folder holds `config.yaml`, the complete effective configuration, and weights
named by layer. This room writes and reads both, and reads what others have published;
it knows nothing of how training goes.
"""

from .config import LEARNING_RATES, MODELS, NETWORK, RunConfig
from .folder import (
    CONFIG,
    from_pretrained,
    is_published,
    load_run,
    read_config,
    write_config,
)
from .hub import HubError
from .log import LOG, read_log
from .published import PUBLISHED_CONFIG, PUBLISHED_WEIGHTS

__all__ = [
    "CONFIG",
    "LEARNING_RATES",
    "LOG",
    "MODELS",
    "NETWORK",
    "PUBLISHED_CONFIG",
    "PUBLISHED_WEIGHTS",
    "HubError",
    "RunConfig",
    "from_pretrained",
    "is_published",
    "load_run",
    "read_config",
    "read_log",
    "write_config",
]
