"""The recipes, against the numbers of the authors' solvers."""

import re

import pytest

from keras_fcn import recipes
from keras_fcn.optimizers import mean_loss_translation
from keras_fcn.runs import RunConfig
from keras_fcn.training.optimizers import make_optimizer

NAMES = recipes.names()
every_recipe = pytest.mark.parametrize("name", NAMES)

# As in the authors' `solver.prototxt` and `net.py`, commit 1305c73: base_lr, momentum,
# iter_size, max_iter, whether the loss is normalised, whose biases are doubled.
SOLVERS = {
    "voc_fcn32s": (1e-10, 0.99, 1, 100_000, False, "all"),
    "voc_fcn16s": (1e-12, 0.99, 1, 100_000, False, "all"),
    "voc_fcn8s": (1e-14, 0.99, 1, 100_000, False, "all"),
    "voc_fcn8s_atonce": (1e-10, 0.99, 1, 300_000, False, "all"),
    "voc_fcn_alexnet": (1e-4, 0.9, 20, 100_000, True, "scores"),
}
NETWORKS = {
    "voc_fcn32s": ("fcn32s", "vgg16"),
    "voc_fcn16s": ("fcn16s", "vgg16"),
    "voc_fcn8s": ("fcn8s", "vgg16"),
    "voc_fcn8s_atonce": ("fcn8s_atonce", "vgg16"),
    "voc_fcn8s_adamw": ("fcn8s", "vgg16"),
    "voc_fcn32s_cvpr": ("fcn32s", "vgg16"),
    "voc_fcn_alexnet": ("fcn32s", "alexnet"),
    "voc_fcn_googlenet": ("fcn32s", "googlenet"),
}


def test_the_recipes_are_these():
    assert sorted(NETWORKS) == NAMES


@pytest.mark.parametrize("name", SOLVERS)
def test_the_authors_recipes_have_the_numbers_of_their_solvers(name):
    base_lr, momentum, iter_size, max_iter, normalize, doubled = SOLVERS[name]
    config = recipes.load(name).config
    assert (config.lr, config.momentum, config.lr_policy) == (
        base_lr,
        momentum,
        "fixed",
    )
    assert (config.accumulate, config.batch_size) == (iter_size, 1)
    assert config.epochs * config.steps_per_epoch == max_iter * iter_size
    assert config.steps_per_epoch == 4000 * iter_size  # how often they scored
    assert config.loss == ("mean" if normalize else "sum")
    assert config.doubled_biases == doubled
    assert (config.weight_decay, config.seed) == (5e-4, 1337)
    assert (config.crop_size, config.augment) == (0, False)


@every_recipe
def test_a_recipe_is_a_whole_training(name):
    recipe = recipes.load(name)
    config = recipe.config
    assert (config.model, config.backbone) == NETWORKS[name]
    assert (config.dataset, config.val_split) == ("voc2011_sbd", None)
    assert (config.width, config.dropout, config.upsampling) == (1.0, 0.5, "fixed")
    assert RunConfig.from_yaml(config.to_yaml()) == config
    assert config.steps_per_epoch % config.accumulate == 0
    optimizer = make_optimizer(
        config.optimizer,
        config.lr,
        1000,
        config.momentum,
        config.weight_decay,
        lr_policy=config.lr_policy,
        accumulate=config.accumulate,
        doubled_biases=config.doubled_biases,
    )
    assert float(optimizer.learning_rate) == pytest.approx(config.lr)
    assert optimizer.weight_decay == config.weight_decay


@every_recipe
def test_a_recipe_names_its_source_its_command_and_its_score(name):
    recipe = recipes.load(name)
    note = recipe.note
    assert note.splitlines()[0].endswith(".")
    assert re.search(r"https://(github\.com|arxiv\.org)/", note)
    assert f"keras-fcn train --recipe {name} " in note
    assert ("--from runs/" in note) == (recipe.starts_from is not None)
    assert "| obtained " in note
    assert "Machine and hours: " in note


def test_stages_begin_with_the_stage_before():
    starts = {name: recipes.load(name).starts_from for name in NAMES}
    assert {name: start for name, start in starts.items() if start} == {
        "voc_fcn16s": "voc_fcn32s",
        "voc_fcn8s": "voc_fcn16s",
    }
    for name, start in starts.items():
        weights = recipes.load(name).config.weights
        assert weights == ("none" if start else "imagenet")


def test_the_paper_of_2015_goes_about_as_far_as_the_later_recipe():
    # How far a steady gradient of the mean loss goes, on a photo of 500x375.
    later = recipes.load("voc_fcn32s").config
    lr, _ = mean_loss_translation(later.lr, later.weight_decay, 500 * 375)
    early = recipes.load("voc_fcn32s_cvpr").config
    assert (early.accumulate, early.momentum, early.lr) == (20, 0.9, 1e-4)
    ratio = lr / (1 - later.momentum) / (early.lr / (1 - early.momentum))
    assert ratio == pytest.approx(1.875)
    photos = early.epochs * early.steps_per_epoch
    assert photos > 175 * 1112


def test_an_unknown_recipe_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match='Did you mean "voc_fcn16s"'):
        recipes.load("voc_fcn16")
