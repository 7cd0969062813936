"""`topology="pointwise"` against the PyTorch exercise it stands for."""

import keras
import numpy as np
import pytest

import keras_fcn

torch = pytest.importorskip("torch")

# Two float32 evaluations of the same 19-layer net on logits of order 1.
FLOAT32_NETWORK = 1e-4

VGG16 = {1: (64, 64), 2: (128, 128), 3: (256,) * 3, 4: (512,) * 3, 5: (512,) * 3}


class Exercise(torch.nn.Module):
    """FCN-8s of the course: 1x1 fc6 and fc7, ConvTranspose2d(2s, s, s/2)."""

    def __init__(self, num_classes, width):
        super().__init__()
        nn = torch.nn
        channels = 3
        self.blocks = nn.ModuleList()
        for filters in VGG16.values():
            steps = []
            for f in filters:
                f = round(f * width)
                steps += [nn.Conv2d(channels, f, 3, 1, 1), nn.ReLU()]
                channels = f
            self.blocks.append(nn.Sequential(*steps, nn.MaxPool2d(2, stride=2)))
        hidden = round(4096 * width)
        self.fc6 = nn.Conv2d(channels, hidden, 1)
        self.fc7 = nn.Conv2d(hidden, hidden, 1)
        self.score_fr = nn.Conv2d(hidden, num_classes, 1)
        self.score_pool4 = nn.Conv2d(round(512 * width), num_classes, 1)
        self.score_pool3 = nn.Conv2d(round(256 * width), num_classes, 1)
        up = {"upscore2": 2, "upscore_pool4": 2, "upscore8": 8}
        for name, s in up.items():
            layer = nn.ConvTranspose2d(num_classes, num_classes, 2 * s, s, s // 2)
            setattr(self, name, layer)

    def forward(self, x):
        ends = []
        for block in self.blocks:
            x = block(x)
            ends.append(x)
        score = self.score_fr(self.fc7(self.fc6(x)))
        score = self.upscore2(score) + self.score_pool4(ends[3])
        score = self.upscore_pool4(score) + self.score_pool3(ends[2])
        return self.upscore8(score)


@pytest.mark.parametrize("size", [(64, 96), (32, 32), (160, 64)])
def test_pointwise_equals_the_exercise(size, rng):
    width, num_classes = 0.1, 4
    theirs = Exercise(num_classes, width).eval()
    ours = keras_fcn.build_fcn8s(
        num_classes=num_classes,
        weights=None,
        topology="pointwise",
        upsampling="learned",
        width=width,
        include_preprocessing=False,
    )
    modules = {
        f"block{b}_conv{i + 1}": theirs.blocks[b - 1][2 * i]
        for b, filters in VGG16.items()
        for i in range(len(filters))
    }
    for layer in ours.layers:
        if layer.weights:
            module = modules.get(layer.name) or getattr(theirs, layer.name)
            kernel = module.weight.detach().numpy().transpose(2, 3, 1, 0)
            layer.set_weights([kernel, module.bias.detach().numpy()])
    x = rng.normal(size=(1, *size, 3)).astype("float32")
    with torch.no_grad():
        expected = theirs(torch.tensor(x.transpose(0, 3, 1, 2))).numpy()
    out = keras.ops.convert_to_numpy(ours(x))
    np.testing.assert_allclose(
        out, expected.transpose(0, 2, 3, 1), atol=FLOAT32_NETWORK
    )
