"""The PyTorch networks whose state dicts we load, thin: names and sums as published."""

import math

import pytest

torch = pytest.importorskip("torch")
nn, relu = torch.nn, torch.nn.functional.relu

BLOCKS = {
    "vgg16": ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3),
    "vgg19": ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4),
}


def randomize(net, seed=0):
    """Draw weights that keep signals near 1 through 19 layers, and biases."""
    generator = torch.Generator().manual_seed(seed)

    def draw(tensor, scale):
        tensor.copy_(scale * torch.randn(tensor.shape, generator=generator))

    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.ConvTranspose2d):
                # Two by two taps of each channel meet in a pixel.
                draw(module.weight, 1 / math.sqrt(4 * module.in_channels))
            elif isinstance(module, (nn.Conv2d, nn.Linear)):
                draw(module.weight, math.sqrt(2 / module.weight[0].numel()))
            elif isinstance(module, nn.BatchNorm2d):
                draw(module.running_mean, 0.3)
                draw(module.running_var, 1)
                module.running_var.abs_()
                draw(module.weight, 0.3)
                module.weight.add_(1)
            if getattr(module, "bias", None) is not None:
                draw(module.bias, 0.3)
    return net.eval()


def vgg_features(name, width, *, batch_norm=False):
    """`torchvision.models.vgg16().features`."""
    layers, channels = [], 3
    for block in BLOCKS[name]:
        for filters in block:
            filters = max(1, round(filters * width))
            layers.append(nn.Conv2d(channels, filters, 3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(filters))
            layers.append(nn.ReLU(inplace=True))
            channels = filters
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


class TorchvisionVGG(nn.Module):
    def __init__(self, name, width, **options):
        super().__init__()
        self.features = vgg_features(name, width, **options)
        channels, hidden = round(512 * width), round(4096 * width)
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, 10),
        )

    def forward(self, x):
        """Return fc7, of 224x224 images."""
        return self.classifier[:5](self.features(x).flatten(1))


class TorchvisionAlexNet(nn.Module):
    def __init__(self, width):
        super().__init__()
        c1, c2, c3, c4 = (round(c * width) for c in (64, 192, 384, 256))
        self.features = nn.Sequential(
            *(nn.Conv2d(3, c1, 11, stride=4, padding=2), nn.ReLU()),
            nn.MaxPool2d(3, 2),
            *(nn.Conv2d(c1, c2, 5, padding=2), nn.ReLU()),
            nn.MaxPool2d(3, 2),
            *(nn.Conv2d(c2, c3, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(c3, c4, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(c4, c4, 3, padding=1), nn.ReLU()),
            nn.MaxPool2d(3, 2),
        )
        hidden = round(4096 * width)
        self.classifier = nn.Sequential(
            nn.Dropout(),
            nn.Linear(c4 * 6 * 6, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 10),
        )

    def forward(self, x):
        """Return fc7, of 224x224 images."""
        return self.classifier[:6](self.features(x).flatten(1))


class BasicConv2d(nn.Module):
    def __init__(self, channels, filters, k, **options):
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, k, bias=False, **options)
        self.bn = nn.BatchNorm2d(filters, eps=0.001)

    def forward(self, x):
        return relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    def __init__(self, channels, one, reduce3, three, reduce5, five, projected):
        super().__init__()
        self.branch1 = BasicConv2d(channels, one, 1)
        self.branch2 = nn.Sequential(
            BasicConv2d(channels, reduce3, 1),
            BasicConv2d(reduce3, three, 3, padding=1),
        )
        self.branch3 = nn.Sequential(
            BasicConv2d(channels, reduce5, 1),
            BasicConv2d(reduce5, five, 3, padding=1),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, 1, padding=1, ceil_mode=True),
            BasicConv2d(channels, projected, 1),
        )

    def forward(self, x):
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], 1)


class Auxiliary(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = BasicConv2d(channels, 4, 1)
        self.fc1 = nn.Linear(4 * 16, 8)
        self.fc2 = nn.Linear(8, 10)


class TorchvisionGoogLeNet(nn.Module):
    """The last map before the classifier."""

    def __init__(self, inceptions, width):
        super().__init__()

        def thin(channels):
            return max(1, round(channels * width))

        self.conv1 = BasicConv2d(3, thin(64), 7, stride=2, padding=3)
        self.conv2 = BasicConv2d(thin(64), thin(64), 1)
        self.conv3 = BasicConv2d(thin(64), thin(192), 3, padding=1)
        channels = thin(192)
        for name, filters in inceptions.items():
            filters = [thin(f) for f in filters]
            setattr(self, f"inception{name}", Inception(channels, *filters))
            channels = sum(filters[i] for i in (0, 2, 4, 5))
        self.aux1 = Auxiliary(thin(512))
        self.aux2 = Auxiliary(thin(528))
        self.fc = nn.Linear(channels, 10)

    def forward(self, x):
        def pool(x, k):
            return nn.functional.max_pool2d(x, k, 2, ceil_mode=True)

        x = pool(self.conv3(self.conv2(pool(self.conv1(x), 3))), 3)
        x = pool(self.inception3b(self.inception3a(x)), 3)
        for letter in "abcde":
            x = getattr(self, f"inception4{letter}")(x)
        return self.inception5b(self.inception5a(pool(x, 2)))


class PaperFCN(nn.Module):
    """FCN-32s, 16s and 8s of wkentaro/pytorch-fcn: pad 100, 7x7 fc6, crops."""

    def __init__(self, stride, num_classes, width, *, at_once=False):
        super().__init__()
        self.stride, self.at_once = stride, at_once
        channels = 3
        for b, block in enumerate(BLOCKS["vgg16"], start=1):
            for i, filters in enumerate(block, start=1):
                filters = max(1, round(filters * width))
                padding = 100 if b == i == 1 else 1
                convolution = nn.Conv2d(channels, filters, 3, padding=padding)
                setattr(self, f"conv{b}_{i}", convolution)
                channels = filters
        hidden = round(4096 * width)
        self.fc6 = nn.Conv2d(channels, hidden, 7)
        self.fc7 = nn.Conv2d(hidden, hidden, 1)
        self.score_fr = nn.Conv2d(hidden, num_classes, 1)

        def upscore(s):
            return nn.ConvTranspose2d(
                num_classes, num_classes, 2 * s, stride=s, bias=False
            )

        if stride == 32:
            self.upscore = upscore(32)
        else:
            self.upscore2 = upscore(2)
            self.score_pool4 = nn.Conv2d(round(512 * width), num_classes, 1)
        if stride == 16:
            self.upscore16 = upscore(16)
        elif stride == 8:
            self.upscore_pool4 = upscore(2)
            self.score_pool3 = nn.Conv2d(round(256 * width), num_classes, 1)
            self.upscore8 = upscore(8)

    def interpolate(self):
        """Give the upsamplings bilinear kernels, as `get_upsampling_weight` does."""
        for name, module in self.named_modules():
            if name.startswith("upscore"):
                n, _, k, _ = module.weight.shape
                tent = 1 - (torch.arange(k) - (k - 1) / 2).abs() / (k // 2)
                with torch.no_grad():
                    module.weight.zero_()
                    module.weight[range(n), range(n)] = torch.outer(tent, tent)
        return self

    def forward(self, image):
        x, pools = image, {}
        for b, block in enumerate(BLOCKS["vgg16"], start=1):
            for i in range(1, len(block) + 1):
                x = relu(getattr(self, f"conv{b}_{i}")(x))
            x = pools[b] = nn.functional.max_pool2d(x, 2, 2, ceil_mode=True)
        x = self.score_fr(relu(self.fc7(relu(self.fc6(x)))))

        def crop(larger, smaller, offset):
            rows, columns = smaller.shape[2:]
            return larger[:, :, offset : offset + rows, offset : offset + columns]

        if self.stride == 32:
            return crop(self.upscore(x), image, 19)
        scales = (0.01, 0.0001) if self.at_once else (1, 1)
        x = self.upscore2(x)
        x = x + crop(self.score_pool4(pools[4] * scales[0]), x, 5)
        if self.stride == 16:
            return crop(self.upscore16(x), image, 27)
        x = self.upscore_pool4(x)
        x = x + crop(self.score_pool3(pools[3] * scales[1]), x, 9)
        return crop(self.upscore8(x), image, 31)


class Exercise(nn.Module):
    """The course's FCN-32s, 16s and 8s, line by line, by their widths.

    Args:
        stride: 32, 16 or 8.
        num_classes: Number of classes.
        width: Factor on the channels.
        ways: Which of the two ways of FCN-32s are written down: "own" modules, the
            "vgg" of torchvision after the comment "or", or "both", taken literally.
    """

    def __init__(self, stride, num_classes, width, ways):
        super().__init__()
        self.stride, self.ways = stride, ways
        channels, hidden = round(512 * width), round(4096 * width)
        if ways in ("own", "both"):
            features = list(vgg_features("vgg16", width))
            starts = (0, 5, 10, 17, 24, 31)
            for i in range(5):
                block = nn.Sequential(*features[starts[i] : starts[i + 1]])
                setattr(self, f"conv{i + 1}", block)
            self.fc6 = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.Dropout2d())
            self.fc7 = nn.Sequential(nn.Conv2d(hidden, hidden, 1), nn.Dropout2d())
            self.score = nn.Conv2d(hidden, num_classes, 1)
            self.up_score = nn.ConvTranspose2d(num_classes, num_classes, 64, 32, 16)
            self.fcn = nn.Sequential(
                *(self.conv1, self.conv2, self.conv3, self.conv4, self.conv5),
                *(self.fc6, self.fc7, self.score, self.up_score),
            )
        if ways in ("vgg", "both"):
            self.vgg = nn.Sequential(
                vgg_features("vgg16", width),
                nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.Dropout2d()),
            )
            self.fcn = nn.Sequential(
                self.vgg,
                nn.Conv2d(hidden, hidden, 1),
                nn.Dropout2d(),
                nn.Conv2d(hidden, num_classes, 1),
                nn.ConvTranspose2d(num_classes, num_classes, 64, 32, 16),
            )
        if stride < 32:
            self.score = nn.Conv2d(hidden, num_classes, 1)
            self.up_score_conv5 = nn.ConvTranspose2d(num_classes, num_classes, 4, 2, 1)
            self.conv1x1_conv4 = nn.Conv2d(round(512 * width), num_classes, 1)
        if stride == 16:
            self.up_score = nn.ConvTranspose2d(num_classes, num_classes, 32, 16, 8)
        if stride == 8:
            self.up_score_conv4_5 = nn.ConvTranspose2d(
                num_classes, num_classes, 4, 2, 1
            )
            self.conv1x1_conv3 = nn.Conv2d(round(256 * width), num_classes, 1)
            self.up_score = nn.ConvTranspose2d(num_classes, num_classes, 16, 8, 4)

    def forward(self, x):
        if self.stride == 32:
            return self.fcn(x)
        if self.ways == "vgg":
            features, fc6 = self.vgg
            x3 = features[:17](x)
            x4 = features[17:24](x3)
            x5 = self.fcn[1:3](fc6(features[24:](x4)))
        else:
            x3 = self.conv3(self.conv2(self.conv1(x)))
            x4 = self.conv4(x3)
            x5 = self.fc7(self.fc6(self.conv5(x4)))
        x5 = self.up_score_conv5(self.score(x5))
        x4 = self.conv1x1_conv4(x4) + x5
        if self.stride == 16:
            return self.up_score(x4)
        return self.up_score(self.conv1x1_conv3(x3) + self.up_score_conv4_5(x4))
