import importlib.util
import re
import warnings

import keras
import numpy as np
import pytest

import keras_fcn
from keras_fcn.datasets import Shapes
from keras_fcn.export import FORMATS, export
from keras_fcn.export.onnx_equalize import equalize
from keras_fcn.export.onnx_int8 import float_nodes
from keras_fcn.hardware import computing_in

SIZES = [(33, 47), (64, 64), (50, 21)]
PHOTOS = [
    np.random.default_rng(seed).integers(0, 256, (*size, 3), "uint8")
    for seed, size in enumerate(SIZES)
]


needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs Keras on TensorFlow"
)


@pytest.fixture(scope="module")
def onnx_tools(need):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export needs Keras on TensorFlow")
    need(*FORMATS["onnx"].modules)


def random_network(build=keras_fcn.build_fcn8s, **options):
    """A thin network whose scores and biases, zero at first, are drawn."""
    network = build(**{"weights": None, "width": 0.02, "num_classes": 5, **options})
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if layer.name.startswith("score_"):
            layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
        elif layer.name.startswith("block") and layer.weights:
            layer.bias.assign(rng.normal(size=layer.bias.shape))
    return network


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return random_network(topology="pointwise", upsampling="learned", width=0.05)


def session(file):
    import onnxruntime

    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def share_of_equals(model, file, photos):
    """Counted apart from the code that is tested."""
    run, equal, pixels = session(file), 0, 0
    for photo in photos:
        scores = model.predict_on_batch(photo[None])
        (labels,) = run.run(None, {"image": photo[None]})
        equal += (labels == np.argmax(scores, axis=-1)).sum()
        pixels += labels.size
    return equal / pixels


# In float32


@pytest.fixture(scope="module")
def exported(network, onnx_tools, tmp_path_factory):
    """The file of the network above, the report, and what its bar was told."""
    file = tmp_path_factory.mktemp("float32") / "new" / "net.onnx"
    told = []

    def progress(what):
        return lambda loop: (told.append((what, step)) or step for step in loop)

    before = network.get_weights()
    report = export(network, file, photos=PHOTOS, progress=progress)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    return file, report, told


def test_the_file_labels_photos_of_any_size_as_the_network(network, exported):
    file, report, told = exported
    assert len(np.unique(keras_fcn.predict(network, PHOTOS[0]))) > 1
    assert report.comparison.agreement > 0.999
    assert share_of_equals(network, file, PHOTOS) > 0.999
    assert report.comparison.photos == 3
    assert report.comparison.mean_iou is None
    assert report.size == file.stat().st_size
    assert [path.name for path in file.parent.iterdir()] == ["net.onnx"]
    assert told == [("Comparing", number) for number in range(3)]


@pytest.mark.parametrize(
    "options",
    [
        {"topology": "paper"},
        {"build": keras_fcn.build_fcn32s, "topology": "same", "upsampling": "learned"},
    ],
    ids=lambda options: options["topology"],
)
def test_so_do_the_files_of_other_networks(options, onnx_tools, tmp_path, capfd):
    model = random_network(**options)
    report = export(model, tmp_path / "net.onnx", photos=PHOTOS[:2])
    assert "not used by any node" not in capfd.readouterr().err  # dropouts' seeds
    assert report.comparison.agreement > 0.999
    assert share_of_equals(model, report.file, PHOTOS) > 0.999


def test_the_file_says_what_it_takes_and_gives(exported):
    run = session(exported[0])
    (image,), (labels,) = run.get_inputs(), run.get_outputs()
    assert (image.name, image.type) == ("image", "tensor(uint8)")
    assert image.shape == ["batch", "height", "width", 3]
    assert (labels.name, labels.type) == ("labels", "tensor(uint8)")
    assert labels.shape == ["batch", "height", "width"]
    two = np.stack([PHOTOS[1], PHOTOS[1][::-1]])
    (together,) = run.run(None, {"image": two})
    for one, result in zip(two, together, strict=True):
        np.testing.assert_array_equal(result, run.run(None, {"image": one[None]})[0][0])


def test_what_is_linear_is_one_layer_of_the_file(exported):
    import onnx

    model = onnx.load(exported[0])
    # 13 of VGG16 and three scores: fc6 and fc7 are in the first of these.
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("Conv") == 16
    assert {node.domain for node in model.graph.node} == {""}  # no runtime's own


# In eight bits


@pytest.fixture(scope="module")
def int8(network, onnx_tools, tmp_path_factory):
    file = tmp_path_factory.mktemp("int8") / "net.onnx"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The file in int8")  # its weights are random
        return export(network, file, int8=True, calibration=PHOTOS)


def test_eight_bits_are_in_the_backbone_and_float32_in_the_scores(int8):
    import onnx

    graph = onnx.load(int8.file).graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    kernels = [node.input[1] for node in graph.node if node.op_type == "Conv"]
    eight = [
        makers[kernel].input[0]
        for kernel in kernels
        if kernel in makers and makers[kernel].op_type == "DequantizeLinear"
    ]
    assert len(eight) == 13
    assert {types[name] for name in eight} == {onnx.TensorProto.INT8}
    scores = [types[kernel] for kernel in kernels if kernel in types]
    assert scores == [onnx.TensorProto.FLOAT] * 3


def test_a_report_counts_the_pixels_that_agree(network, int8):
    counted = share_of_equals(network, int8.file, PHOTOS)
    assert int8.comparison.agreement == pytest.approx(counted, abs=1e-3)
    assert 0.9 < counted < 1  # eight bits are not 32


def channel_means(model, names, photos):
    """Counted apart from the code that is tested."""
    import onnx
    import onnxruntime

    tapped = onnx.ModelProto.FromString(model.SerializeToString())
    tapped.graph.output.extend(map(onnx.helper.make_empty_tensor_value_info, names))
    run = onnxruntime.InferenceSession(tapped.SerializeToString())
    maps = [run.run(names, {"image": photo[None]}) for photo in photos]
    return [np.mean([m[i].mean((0, 2, 3)) for m in maps], 0) for i in range(len(names))]


def test_channels_are_made_alike_without_another_function(exported):
    import onnx

    before, after = onnx.load(exported[0]), onnx.load(exported[0])
    # Each of the 13 feeds another convolution, the last one through a pooling.
    assert equalize(after, PHOTOS, range(len(PHOTOS))) == 13
    names = ["score_pool3_1/BiasAdd:0", "score_fr_1/BiasAdd:0"]
    for old, new in zip(
        channel_means(before, names, PHOTOS),
        channel_means(after, names, PHOTOS),
        strict=True,
    ):
        np.testing.assert_allclose(old, new, rtol=1e-3, atol=1e-4)
    kernels = [
        {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
        for model in (before, after)
    ]
    changed = [
        name
        for name, a in kernels[0].items()
        if not np.array_equal(a, kernels[1][name])
    ]
    assert len(changed) == 13 * 2 + 3  # kernels and biases, and the kernels of scores


def test_biases_give_back_the_means_that_rounding_took(exported, int8):
    import onnx

    names = [f"block{n}_conv1_1/BiasAdd:0" for n in range(1, 6)]
    even, corrected = onnx.load(exported[0]), onnx.load(int8.file)
    equalize(even, PHOTOS, range(len(PHOTOS)))
    expected = channel_means(even, names, PHOTOS)
    makers = {node.name: node for node in corrected.graph.node}
    taps = [makers[name.removesuffix(":0")].output[0] for name in names]
    found = channel_means(corrected, taps, PHOTOS)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(b, a, atol=1e-2 * np.abs(a).max())


def test_only_what_is_between_convolutions_is_quantized(need):
    need("onnx")
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Sub", ["image", "mean"], ["x"], "prepare"),
        helper.make_node("Conv", ["x", "k"], ["a"], "first"),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("Conv", ["b", "k"], ["c"], "second"),
        helper.make_node("Add", ["c", "b"], ["d"], "skip"),
        helper.make_node("Conv", ["d", "k"], ["s"], "score"),
        helper.make_node("Conv", ["b", "k"], ["t"], "score_of_the_skip"),
        helper.make_node("Shape", ["b"], ["size"], "size"),
        helper.make_node("Resize", ["s", "", "", "size"], ["up"], "up"),
        helper.make_node("Add", ["up", "t"], ["labels"], "fuse"),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "graph",
        [value("image", TensorProto.FLOAT, None)],
        [value("labels", TensorProto.FLOAT, None)],
    )
    assert float_nodes(graph) == [
        *("prepare", "score", "score_of_the_skip", "size", "up", "fuse")
    ]


# What is written and what is not, whatever the format


@pytest.fixture
def written_as(monkeypatch):
    """Let `export` write three bytes, and label with what is given."""

    def use(label):
        stub = FORMATS["onnx"]._replace(
            modules=(),
            write=lambda network, file, classes, logits: file.write_bytes(b"abc"),
            quantize=lambda file, photos, progress: file.write_bytes(b"ab"),
            run=lambda file: label,
        )
        monkeypatch.setitem(FORMATS, "onnx", stub)

    return use


def all_zero(photo):
    return np.zeros(photo.shape[:2], "uint8")


@needs_tensorflow
def test_a_file_that_labels_otherwise_is_not_written(network, written_as, tmp_path):
    file = tmp_path / "net.onnx"
    file.write_bytes(b"an older file")
    written_as(all_zero)
    with pytest.raises(RuntimeError, match=r"99\.9% of the pixels.*on 3 photos"):
        export(network, file, photos=PHOTOS)
    assert file.read_bytes() == b"an older file"
    assert list(tmp_path.iterdir()) == [file]


@needs_tensorflow
def test_eight_bits_that_change_labels_are_written_with_advice(
    network, written_as, tmp_path
):
    written_as(all_zero)
    options = {"int8": True, "calibration": PHOTOS[:2], "photos": PHOTOS}
    with pytest.warns(UserWarning, match=r"in int8 agrees.*less than 99%"):
        report = export(network, tmp_path / "net.onnx", **options)
    assert report.advice is not None
    assert "--samples" in report.advice
    assert report.file.read_bytes() == b"ab"
    assert report.comparison.photos == 3


@needs_tensorflow
def test_with_masks_both_have_a_mean_iou(network, written_as, tmp_path):
    written_as(lambda photo: 1 - np.minimum(keras_fcn.predict(network, photo), 1))
    shapes = Shapes("val", num_samples=3)
    options = {"int8": True, "calibration": PHOTOS, "photos": shapes}
    with pytest.warns(UserWarning, match="in int8"):
        report = export(network, tmp_path / "net.onnx", **options)
    expected = keras_fcn.evaluate(network, shapes).result()["mean_iou"]
    of_network, of_file = report.comparison.mean_iou
    assert of_network == pytest.approx(expected, abs=1e-6)
    assert abs(of_file - expected) > 0.01


@needs_tensorflow
def test_labels_of_another_size_are_an_error(network, written_as, tmp_path):
    written_as(lambda photo: photo[:9, :, 0])
    with pytest.raises(RuntimeError, match=r"own size, \(33, 47\).*\(9, 47\)"):
        export(network, tmp_path / "net.onnx", photos=PHOTOS)


# What cannot be exported


def test_operations_without_a_counterpart_are_named(onnx_tools, tmp_path):
    image = keras.Input((None, None, 3))
    hidden = keras.layers.Conv2D(2, 1, activation="gelu", data_format="channels_last")
    with pytest.raises(ValueError, match=r"tf2onnx can write.*Erfc \(.*Gelu"):
        export(keras.Model(image, hidden(image)), tmp_path / "net.onnx")


def test_another_backend_is_told_to_change(network, monkeypatch, tmp_path):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=r"'jax'.*KERAS_BACKEND=tensorflow"):
        export(network, tmp_path / "net.onnx")


def test_missing_packages_are_named_with_their_extra(network, monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: None if n == "tf2onnx" else find(n)
    )
    told = re.escape('pip install "keras-fcn[export]"')
    with pytest.raises(ImportError, match=f"Missing:.* tf2onnx.*{told}"):
        export(network, tmp_path / "net.onnx")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"file": "net.tflite", "format": "onnx"}, r"ends in '\.onnx'.*net\.tflite"),
        ({"file": "net.onnx", "format": "saved_model"}, r"name of a folder.*net\.onnx"),
        ({"file": "net"}, r"'\.onnx' or '\.tflite'.*\"saved_model\""),
        ({"format": "onx"}, 'Did you mean "onnx"'),
        ({"file": "net.tflite", "int8": True}, "int8=True with format='litert'"),
        ({"format": "saved_model", "file": "a", "int8": True}, "to 'onnx'"),
        ({"int8": True}, "`calibration` must be photos"),
        ({"int8": True, "calibration": []}, "`calibration` must be photos"),
        ({"photos": []}, "one photo at least"),
    ],
)
def test_impossible_arguments_are_refused(network, options, message, tmp_path):
    file = tmp_path / options.pop("file", "net.onnx")
    with pytest.raises(ValueError, match=message):
        export(network, file, **options)
    assert not list(tmp_path.iterdir())


@needs_tensorflow
def test_names_of_another_number_of_classes_are_refused(network, written_as, tmp_path):
    written_as(all_zero)
    with pytest.raises(ValueError, match=r"network's 5 classes.*'cat'"):
        export(network, tmp_path / "net.onnx", class_names=["cat"])
    assert not list(tmp_path.iterdir())


@needs_tensorflow
def test_a_network_in_16_bits_is_refused(written_as, tmp_path):
    written_as(all_zero)
    with computing_in("mixed_bfloat16"):
        model = random_network()
    with pytest.raises(ValueError, match=r'bfloat16.*precision="float32"'):
        export(model, tmp_path / "net.onnx")


@needs_tensorflow
@pytest.mark.parametrize("shape", [(None, None, 1), (7, 3)])
def test_what_takes_no_photo_is_refused(shape, written_as, tmp_path):
    written_as(all_zero)
    image = keras.Input(shape)
    model = keras.Model(image, keras.layers.Rescaling(2.0)(image))
    with pytest.raises(ValueError, match="images in RGB"):
        export(model, tmp_path / "net.onnx")
