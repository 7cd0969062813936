"""A model card: what people, and the Hub, read of a network.

Knows Markdown and the Hub's front matter. Only what is known is said; names that others
thought of cannot become markup.
"""

from __future__ import annotations

import importlib.metadata
import string
from typing import Any

import jinja2
import yaml

from ..datasets import voc_palette
from ..datasets.voc_labels import VOC_CLASSES
from ..runs import RunConfig
from ..runs.published import LIBRARY
from ..weights import PUBLISHED
from .evidence import METRICS, Scores, scores_of_log, validation_of

MODELS = {
    "fcn32s": ("FCN-32s", 32),
    "fcn16s": ("FCN-16s", 16),
    "fcn8s": ("FCN-8s", 8),
    "fcn8s_atonce": ("FCN-8s, trained at once", 8),
}
_PREPROCESSING = {
    None: "nothing is done to them first",
    "caffe": "they become BGR, less the mean of the training images",
    "torch": "they are brought to mean 0 and deviation 1 of ImageNet's channels",
    "tf": "they are brought to -1 to 1",
}
# What the Hub calls the data sets that our readers know.
_ON_HUB = {
    "voc": ["pascal_voc"],
    "sbd": ["sbd"],
    "voc2011_sbd": ["pascal_voc", "sbd"],
    "oxford_iiit_pet": ["oxford-iiit-pet"],
}
_IN_WORDS = {
    "voc": "PASCAL VOC",
    "sbd": "the Semantic Boundaries Dataset (SBD)",
    "voc2011_sbd": "PASCAL VOC 2011 and SBD, as in the paper",
    "oxford_iiit_pet": "the Oxford-IIIT Pet Dataset",
    "shapes": "shapes that keras_fcn draws: no photos",
}
_RECIPE = (
    *("model", "backbone", "topology", "upsampling", "width", "dropout", "epochs"),
    *("steps_per_epoch", "batch_size", "accumulate", "crop_size", "augment"),
    *("scale_range", "optimizer", "lr", "lr_policy", "momentum", "weight_decay"),
    *("doubled_biases", "loss", "precision", "seed"),
)


def card_of(
    config: RunConfig,
    *,
    name: str,
    source: str | None,
    preprocessing: str | None,
    parameters: int,
    log: tuple[int, dict[str, float]] | None = None,
    scores: Scores | None = None,
    license: str | None = None,
    author: str | None = None,
    thumbnail: str | None = None,
) -> str:
    """Return a model card in Markdown, with the Hub's front matter.

    Args:
        config: What the network is, and was trained with.
        name: What the card is called.
        source: What `from_pretrained` takes; `None` for the folder of the card.
        preprocessing: A mode of `ImagePreprocessing`, or `None`.
        parameters: Number of weights.
        log: Best epoch of the training and what was logged of it; `None` if there was
            no training. Defaults to `None`.
        scores: What was measured. Defaults to `None`: what `log` tells, if it does.
        license: A name of the Hub's. Defaults to `None`: not given.
        author: Defaults to `None`: not told.
        thumbnail: File name of a picture. Defaults to `None`.
    """
    if scores is None and log is not None and config.from_run is None:
        # With `from_run` the best weights may be older than the log.
        scores = scores_of_log(config, log)
    colours = voc_palette().tolist()
    classes = [
        {"name": class_name, "colour": colours[i]}
        for i, class_name in enumerate(config.class_names)
    ]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_fcn.sharing", "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=False,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown: each text goes through `md`
    )
    environment.filters |= {"md": plain_markdown, "percent": _percent}
    body = environment.get_template("card.md.jinja").render(
        name=name,
        model=MODELS[config.model][0],
        stride=MODELS[config.model][1],
        config=config,
        classes=classes,
        parameters=f"{parameters:,}",
        author=author,
        version=importlib.metadata.version("keras-fcn"),
        thumbnail=thumbnail,
        source=source,
        data=_data(config, log is not None),
        recipe=_recipe(config) if log is not None else {},
        scores=scores,
        metrics=METRICS,
        preprocessing=_PREPROCESSING[preprocessing],
        license=license,
    )
    return f"---\n{_front_matter(config, name, scores, license)}---\n\n{body}"


def plain_markdown(text: object) -> str:
    r"""Return a text that Markdown and HTML show as it is, on one line.

    Example:
        >>> plain_markdown("<b>|*x*")
        '\\<b\\>\\|\\*x\\*'
    """
    shown = (c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    return "".join(
        f"\\{c}" if c in string.punctuation else c for part in shown for c in part
    )


def _front_matter(
    config: RunConfig, name: str, scores: Scores | None, license: str | None
) -> str:
    data: dict[str, Any] = {
        "library_name": LIBRARY,
        "pipeline_tag": "image-segmentation",
        "tags": [
            *("keras", "keras_fcn", "image-segmentation", "semantic-segmentation"),
            *("fcn", MODELS[config.model][0].split(",")[0].lower()),
        ],
    }
    if license:
        data["license"] = license
    if config.dataset in _ON_HUB and _is_official(config):
        data["datasets"] = _ON_HUB[config.dataset]
    if scores is not None and scores.metrics:
        measured = {
            "task": {"type": "image-segmentation"},
            "dataset": {
                "name": scores.dataset,
                "type": scores.dataset,
                "split": scores.split,
            },
            "metrics": [
                {"type": metric, "name": METRICS[metric], "value": round(value, 6)}
                for metric, value in scores.metrics.items()
            ],
        }
        data["model-index"] = [{"name": name, "results": [measured]}]
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _is_official(config: RunConfig) -> bool:
    """Return whether the data are those of that name, not other ones laid out so."""
    return config.dataset != "voc" or config.class_names == VOC_CLASSES


def _data(config: RunConfig, trained: bool) -> str:
    if not trained:
        return "Unknown: the folder that was published has no log of a training."
    name = _IN_WORDS.get(config.dataset)
    if name is None or not _is_official(config):
        return "Photos and masks of the author's own, which are not published here."
    splits = config.describe_training(), validation_of(config)
    split, val_split = map(plain_markdown, splits)
    said = f"Trained on {name}, split {split}; validated on {val_split}."
    if split == val_split:
        said += " These are the same: the scores tell what it has learned by heart."
    return said


def _recipe(config: RunConfig) -> dict[str, str]:
    """Return the settings of a training; no path among them."""
    settings = {name: _words(getattr(config, name)) for name in _RECIPE}
    begun = config.weights
    if config.from_run is not None:
        begun = "weights of another training"
    elif begun not in ("none", "imagenet", *PUBLISHED):
        begun = "a weights file"
    return {"begun with": begun, **settings}


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " to ".join(map(str, value))
    return str(value)


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"
