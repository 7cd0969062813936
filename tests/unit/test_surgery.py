"""One network's weights in another: the next stage, other classes."""

import keras
import numpy as np
import pytest

import keras_fcn
from keras_fcn.transposed import bilinear_profile
from keras_fcn.weights import inherit

VOC4 = ("background", "cat", "dog", "horse")


def thin(build, classes=VOC4, **options):
    options = {"weights": None, "width": 0.03, "dropout": 0, **options}
    return build(num_classes=len(classes), **options)


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def trained(build, rng, **options):
    """A network none of whose weights are where they started."""
    model = thin(build, **options)
    for variable in model.weights:
        fan_in = max(1, np.prod(variable.shape[:-1]))
        variable.assign(rng.normal(size=variable.shape) * np.sqrt(2 / fan_in))
    return model


def test_the_next_stage_begins_as_the_coarse_scores_upsampled(rng):
    fcn32s = trained(keras_fcn.build_fcn32s, rng)
    fcn16s, fcn8s = thin(keras_fcn.build_fcn16s), thin(keras_fcn.build_fcn8s)
    report = inherit(fcn32s, fcn16s, VOC4, VOC4)
    assert report.new == ("score_pool4/kernel", "score_pool4/bias")
    assert len(report.copied) == len(fcn32s.weights)
    inherit(fcn16s, fcn8s, VOC4, VOC4)

    photo = rng.uniform(0, 255, (1, 70, 90, 3)).astype("float32")
    score_fr = keras.Model(fcn32s.input, fcn32s.get_layer("score_fr").output)
    coarse = as_array(score_fr(photo))[0]
    # Without padding the skips are cropped to the scores, and those only at the end.
    for model, factors, first in ((fcn16s, (2, 16), 27), (fcn8s, (2, 2, 8), 31)):
        maps = coarse
        for factor in factors:
            maps = upsampled(maps, factor)
        expected = maps[first : first + 70, first : first + 90]
        np.testing.assert_allclose(as_array(model(photo))[0], expected, atol=1e-3)


def upsampled(maps, factor):
    """Transposed convolution with the tent, tap by tap."""
    profile = bilinear_profile(factor)
    for axis in (0, 1):
        maps = np.moveaxis(maps, axis, 0)
        out = np.zeros(((len(maps) - 1) * factor + len(profile), *maps.shape[1:]))
        for i, row in enumerate(maps):
            for tap, weight in enumerate(profile):
                out[i * factor + tap] += weight * row
        maps = np.moveaxis(out, 0, axis)
    return maps


@pytest.mark.parametrize("upsampling", ["fixed", "learned"])
@pytest.mark.parametrize("topology", ["paper", "pointwise"])
def test_classes_are_kept_by_name(upsampling, topology, rng):
    options = {"upsampling": upsampling, "topology": topology}
    old = trained(keras_fcn.build_fcn8s, rng, **options)
    classes = ("background", "dog", "bird", "cat", "cow")
    new = thin(keras_fcn.build_fcn8s, classes, **options)
    inherit(old, new, VOC4, classes)
    photo = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    before, after = as_array(old(photo)), as_array(new(photo))
    if upsampling == "fixed":
        np.testing.assert_allclose(
            after[..., [0, 1, 3]], before[..., [0, 2, 1]], atol=1e-4
        )
        assert not after[..., [2, 4]].any()
    else:  # learned upsampling mixes classes: what both have is kept
        name = "upscore8"
        kernels = [as_array(m.get_layer(name).kernel) for m in (old, new)]
        np.testing.assert_array_equal(
            kernels[1][:, :, [0, 1, 3]][..., [0, 1, 3]],
            kernels[0][:, :, [0, 2, 1]][..., [0, 2, 1]],
        )
        np.testing.assert_allclose(  # a new class is upsampled bilinearly, alone
            kernels[1][:, :, 2, 2], np.outer(*[bilinear_profile(8)] * 2), atol=1e-6
        )


def test_classes_of_no_common_name_start_anew(rng):
    old = trained(keras_fcn.build_fcn32s, rng)
    new = thin(keras_fcn.build_fcn32s, ("road", "sky"))
    report = inherit(old, new, VOC4, ("road", "sky"))
    assert report.by_class == ("score_fr/kernel", "score_fr/bias")
    assert not as_array(new.get_layer("score_fr").kernel).any()
    np.testing.assert_array_equal(
        as_array(new.get_layer("fc6").kernel), as_array(old.get_layer("fc6").kernel)
    )


@pytest.mark.parametrize(
    ("options", "layer"),
    [
        ({"width": 0.05}, "block1_conv2/kernel"),
        ({"topology": "pointwise"}, "fc6/kernel"),
    ],
)
def test_layers_of_other_sizes_are_all_named_and_nothing_is_copied(options, layer, rng):
    old = trained(keras_fcn.build_fcn32s, rng)
    new = thin(keras_fcn.build_fcn32s, **options)
    before = new.get_weights()
    with pytest.raises(ValueError, match=f"- {layer}: .* to "):
        inherit(old, new, VOC4, VOC4)
    for one, other in zip(before, new.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_networks_without_a_common_layer_are_refused():
    image = keras.Input((8, 8, 3))
    other = keras.Model(image, keras.layers.Conv2D(2, 1, name="mine")(image))
    with pytest.raises(ValueError, match="none in common"):
        inherit(other, thin(keras_fcn.build_fcn32s), VOC4, VOC4)
