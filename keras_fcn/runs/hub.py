"""Networks on the Hugging Face Hub, fetched as a folder of two files.

Only `config.json` and `model.safetensors` are ever asked for. Knows huggingface_hub,
which keeps what it fetched and finds the user's token; knows nothing of networks.
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import NamedTuple

from .published import PUBLISHED_CONFIG, PUBLISHED_WEIGHTS

HUB = "hf://"
_ADDRESS = re.compile(
    r"hf://(?P<name>\w[\w.-]{0,95}/\w[\w.-]{0,95})(@(?P<revision>[\w./-]{1,200}))?",
    re.ASCII,
)


class HubError(OSError):
    """The Hub cannot be reached, or does not have or give what was asked for."""


class Address(NamedTuple):
    """A repository on the Hub."""

    name: str  # user/name
    revision: str | None

    def __str__(self) -> str:
        return f"{HUB}{self.name}" + (f"@{self.revision}" if self.revision else "")


def is_on_hub(source: str | os.PathLike[str]) -> bool:
    """Return whether a source is an address on the Hub.

    Example:
        >>> is_on_hub("hf://someone/pets"), is_on_hub("runs/pets")
        (True, False)
    """
    # A `Path` of such an address has lost one slash.
    return re.match(r"hf:/", os.fspath(source)) is not None


def read_address(source: str | os.PathLike[str]) -> Address:
    """Return which repository an address means.

    Raises:
        ValueError: If it is no `hf://user/name`.

    Example:
        >>> read_address("hf://someone/pets@v1")
        Address(name='someone/pets', revision='v1')
    """
    text = re.sub(r"^hf:/(?!/)", HUB, os.fspath(source))
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError(
            "A network on the Hub must be named hf://user/name or "
            f"hf://user/name@revision. Received: {text[:200]!r}."
        )
    return Address(found["name"], found["revision"])


def fetch(
    source: str | os.PathLike[str],
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    offline: bool = False,
) -> Path:
    """Return the folder of a published network, downloaded unless it is there.

    Args:
        source: `hf://user/name`, or `hf://user/name@revision`.
        revision: A branch, tag or commit. Defaults to `None`: that of `source`, else
            the newest.
        cache_dir: Where downloads are kept. Defaults to `None`: huggingface_hub's.
        offline: Whether to ask nobody. Defaults to `False`: the Hub is asked for what
            is new, and if it cannot be reached what is there is taken.

    Raises:
        HubError: If it cannot be had.
        ImportError: If huggingface_hub is not installed.
        ValueError: If `source` is no such address, or names another revision.
    """
    address = read_address(source)
    if revision is not None and address.revision not in (None, revision):
        raise ValueError(
            f"`revision` must be that of the address. Received: revision={revision!r} "
            f"and {str(address)!r}. Name one of them."
        )
    address = address._replace(revision=revision or address.revision)
    require_hub()
    from huggingface_hub import snapshot_download

    files = [PUBLISHED_CONFIG, PUBLISHED_WEIGHTS]
    try:
        folder = snapshot_download(
            address.name,
            revision=address.revision,
            cache_dir=None if cache_dir is None else os.fspath(cache_dir),
            allow_patterns=files,
            local_files_only=offline,
            library_name="keras_fcn",
        )
    except Exception as error:  # of its own kinds, and of two HTTP libraries
        raise told(error, str(address)) from error
    missing = [name for name in files if not (Path(folder) / name).is_file()]
    if missing:
        raise HubError(
            f"A network on the Hub must hold {' and '.join(files)}. Received: "
            f"{str(address)!r} without {' and '.join(missing)}. `keras-fcn publish "
            "--to` makes one."
        )
    return Path(folder)


def require_hub() -> None:
    """Raise if huggingface_hub is not installed."""
    if importlib.util.find_spec("huggingface_hub") is None:
        raise ImportError(
            "Sharing on the Hub needs the package huggingface_hub. Received: none. "
            'Install it: pip install "keras-fcn[hub]".'
        )


def told(error: Exception, address: str) -> HubError:
    """Return what the Hub's library raised as an error that says what to do."""
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.RevisionNotFoundError):
        rule, advice = "A revision must exist", "Name another branch, tag or commit."
    elif isinstance(error, errors.RepositoryNotFoundError) or status in (401, 403):
        rule = "The repository must exist, and be open to you"
        advice = (
            "Check the name. If it is private or gated, or to write: log in with "
            "`hf auth login`, or set HF_TOKEN to a token that may."
        )
    elif isinstance(error, errors.LocalEntryNotFoundError):
        rule = "The Hub must be reached once; afterwards the network is kept"
        advice = "Check the connection, and HF_ENDPOINT and HF_HUB_OFFLINE."
    else:
        rule, advice = "The Hub must answer, to the end", "Try again later."
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    answer = f"{address!r}" + (f", answered with {status}" if status else "")
    return HubError(f"{rule}. Received: {answer}: {reason} {advice}")
