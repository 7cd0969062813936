"""A run folder becomes a folder for the Hub, and goes there if asked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras

from ..layers import ImagePreprocessing
from ..placing import placing
from ..runs import CONFIG, PUBLISHED_CONFIG, PUBLISHED_WEIGHTS, load_run
from ..runs.hub import HUB, Address, HubError, read_address, require_hub, told
from ..runs.published import LIBRARY, read_published, to_json
from ..storage import write_atomically
from ..weights import save_weights
from .card import card_of
from .evidence import best_of_log, read_scores
from .thumbnail import THUMBNAIL, thumbnail_of

CARD = "README.md"
FILES = (PUBLISHED_CONFIG, PUBLISHED_WEIGHTS, CARD, THUMBNAIL)
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")


class Publication(NamedTuple):
    """What was written, and where it went."""

    folder: Path
    size: int  # bytes of all files
    address: str | None  # hf://user/name
    url: str | None  # of the commit on the Hub


def publish(
    run_dir: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    to: str | None = None,
    private: bool = False,
    license: str | None = None,
    author: str | None = None,
    scores: str | os.PathLike[str] | None = None,
    pictures: bool = False,
) -> Publication:
    """Write a trained network as a folder for the Hugging Face Hub; upload it if asked.

    The folder holds `model.safetensors`, the run's best weights; `config.json`, what
    the network is; and `README.md`, the model card. No file names a folder of this
    machine. It is written whole or not at all.

    Args:
        run_dir: A run folder with `best.safetensors`.
        output: The folder to write: new, empty, or an earlier publication, which is
            replaced.
        to: `"hf://user/name"`, where to upload it; the repository is made if missing,
            and the token is huggingface_hub's. Defaults to `None`: nowhere.
        private: Whether a new repository is private. Defaults to `False`.
        license: As the Hub names it, such as `"apache-2.0"`. Defaults to `None`: the
            card says that none was given.
        author: Who made it, for the card. Defaults to `None`.
        scores: A file of `keras-fcn evaluate --json`, for the card. Defaults to
            `None`: scores are those of the run's log, if it has any.
        pictures: Whether to add the newest predictions of the run's `pictures`, which
            show photos it was validated on. Defaults to `False`.

    Returns:
        A `Publication`.

    Raises:
        FileExistsError: If `output` holds something else.
        FileNotFoundError: If there is no such run, or a file is missing.
        HubError: If the Hub does not take it; the folder is there then. It is an
            `OSError`.
        ImportError: If `to` is given and huggingface_hub is not installed.
        ValueError: If an argument is impossible, or the run or `scores` are not what
            they should be.

    Example:
        >>> import tempfile, keras_fcn
        >>> from keras_fcn.runs import RunConfig, write_config
        >>> config = RunConfig(width=0.02, class_names=("background", "cat"))
        >>> run = Path(tempfile.mkdtemp())
        >>> write_config(run, config)
        >>> keras_fcn.save_weights(config.build(), run / "best.safetensors")
        >>> published = publish(run, run / "published", license="mit")
        >>> sorted(file.name for file in published.folder.iterdir())
        ['README.md', 'config.json', 'model.safetensors']
        >>> model, read = keras_fcn.from_pretrained(published.folder)
        >>> read.class_names
        ('background', 'cat')

    Reference:
        https://huggingface.co/docs/hub/model-cards
    """
    address = _require_target(to)
    if license is not None and not _LICENSE.fullmatch(license):
        raise ValueError(
            "`license` must be a name of the Hub's list, such as apache-2.0, mit or "
            f"cc-by-4.0. Received: license={license[:200]!r}."
        )
    run_dir, output = Path(run_dir), Path(output)
    if not (run_dir / CONFIG).is_file():
        raise FileNotFoundError(
            f"What is published must be a run folder, with {CONFIG!r}. Received: "
            f"{str(run_dir)!r}. `keras-fcn train --run-dir` makes one."
        )
    with placing(output, _is_publication) as folder:
        model, config = load_run(run_dir)
        card = card_of(
            config,
            name=address.name if address else output.resolve().name,
            source=str(address) if address else None,
            log=best_of_log(run_dir),
            scores=None if scores is None else read_scores(scores, config),
            license=license,
            author=author,
            thumbnail=THUMBNAIL if pictures else None,
            preprocessing=_preprocessing_of(model),
            parameters=model.count_params(),
        )
        save_weights(model, folder / PUBLISHED_WEIGHTS)
        write_atomically(folder / PUBLISHED_CONFIG, to_json(config).encode())
        write_atomically(folder / CARD, card.encode())
        if pictures:
            write_atomically(folder / THUMBNAIL, thumbnail_of(run_dir))
        size = sum(file.stat().st_size for file in folder.iterdir())
    url = None if address is None else _upload(output, address, private)
    return Publication(output, size, str(address) if address else None, url)


def _require_target(to: str | None) -> Address | None:
    """Return where to upload; what would fail after all the work fails now."""
    if to is None:
        return None
    address = read_address(to)
    if address.revision is not None:
        raise ValueError(
            f"`to` must be {HUB}user/name: a new version gets a revision from the Hub. "
            f"Received: to={to!r}."
        )
    require_hub()
    from huggingface_hub import get_token

    if get_token() is None:
        raise HubError(
            "To upload, the Hub must know you. Received: no token. Make one that may "
            "write at https://huggingface.co/settings/tokens, then `hf auth login` or "
            "HF_TOKEN."
        )
    return address


def _preprocessing_of(model: keras.Model) -> str | None:
    """Return what a network does with an image first, as its own layer says."""
    modes = [x.mode for x in model.layers if isinstance(x, ImagePreprocessing)]
    return modes[0] if modes else None


def _is_publication(folder: Path) -> bool:
    """Return whether a folder holds an earlier publication, and nothing besides."""
    known = {*FILES, ".gitattributes"}
    if not {file.name for file in folder.iterdir()} <= known:
        return False
    try:
        read_published(folder)
    except (OSError, ValueError):
        return False
    return True


def _upload(folder: Path, address: Address, private: bool) -> str:
    from huggingface_hub import HfApi

    api = HfApi(library_name=LIBRARY)
    options: Mapping[str, Any] = {"private": True} if private else {}
    try:
        api.create_repo(address.name, exist_ok=True, **options)
        commit = api.upload_folder(
            repo_id=address.name,
            folder_path=folder,
            allow_patterns=list(FILES),
            # A picture that an earlier version had and this one leaves out.
            delete_patterns=[n for n in FILES if not (folder / n).exists()] or None,
            commit_message="Publish with keras_fcn",
        )
    except Exception as error:  # of its own kinds, and of two HTTP libraries
        raise told(error, str(address)) from error
    return str(commit.commit_url)
