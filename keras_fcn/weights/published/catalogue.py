"""The weights that others have published: where they are, and what they are.

Addresses, checksums and what the publishers say; nothing is fetched here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """A file of weights that somebody has published.

    Args:
        name: What it is called here.
        file: What its publisher calls it.
        urls: Where it is, the publisher first.
        source: The publisher's page.
        by_hand: Whether the address gives it to browsers only. Defaults to `False`.
        checksum: As `keras_fcn.downloads.verify` takes it. Defaults to `None`: none
            is published.
        size: Its bytes. Defaults to `None`: no source tells.
        model: The network, as in `RunConfig`. Defaults to `None`: a classifier of
            ImageNet.
        backbone: As in `build_fcn8s`. Defaults to `"vgg16"`.
        topology: As in `build_fcn8s`. Defaults to `"paper"`.
        mean_iu: Mean intersection over union in percent on seg11valid, the 736
            images that the paper's authors validated on. Defaults to `None`.
        licence: Its licence. Defaults to `None`: its page names none.
        note: What else there is to know. Defaults to `""`.
    """

    name: str
    file: str
    urls: tuple[str, ...]
    source: str
    by_hand: bool = False
    checksum: str | None = None
    size: int | None = None
    model: str | None = None
    backbone: str = "vgg16"
    topology: str = "paper"
    mean_iu: float | None = None
    licence: str | None = None
    note: str = ""

    @property
    def kind(self) -> str:
        """`"fcn"`, a whole network, or `"imagenet"`, one to begin with."""
        return "imagenet" if self.model is None else "fcn"


# Caffe's server was down in November 2019 (BVLC/caffe issue 6864), and users ask about
# it again in 2024 (issue 6430). Addresses of the FCNs: `caffemodel-url` beside
# each net.py of shelhamer/fcn.berkeleyvision.org; their scores and licence: its
# README. The files that its solve.py begins with, `vgg16-fcn.caffemodel` and
# `alexnet-fcn.caffemodel`, have no known address: they are the classifiers below after
# surgery. Not listed either: bvlc_alexnet, whose layers have CaffeNet's names and
# sizes, but which normalizes before it pools.
_CAFFE = "http://dl.caffe.berkeleyvision.org"
_FCN = "https://github.com/shelhamer/fcn.berkeleyvision.org/tree/master"
_BVLC = "https://github.com/BVLC/caffe/tree/master/models"
_VGG = "http://www.robots.ox.ac.uk/~vgg"
_MXNET = "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/caffe/models"
_UNRESTRICTED = "BVLC model licence: unrestricted use"
_UNCHECKED = "no checksum is published: judged by its length and by reading it"

_BERKELEY = (
    PublishedWeights(
        name="fcn32s-heavy-pascal",
        file="fcn32s-heavy-pascal.caffemodel",
        urls=(f"{_CAFFE}/fcn32s-heavy-pascal.caffemodel",),
        source=f"{_FCN}/voc-fcn32s",
        # testdata/dnn/download_models.py of opencv/opencv_extra.
        checksum="sha1:05eb922d7829c39448f57e5ab9d8cd75d6c0be6d",
        model="fcn32s",
        mean_iu=63.6,
        licence=_UNRESTRICTED,
    ),
    PublishedWeights(
        name="fcn16s-heavy-pascal",
        file="fcn16s-heavy-pascal.caffemodel",
        urls=(f"{_CAFFE}/fcn16s-heavy-pascal.caffemodel",),
        source=f"{_FCN}/voc-fcn16s",
        model="fcn16s",
        mean_iu=65.0,
        licence=_UNRESTRICTED,
        note=_UNCHECKED,
    ),
    PublishedWeights(
        name="fcn8s-heavy-pascal",
        file="fcn8s-heavy-pascal.caffemodel",
        urls=(f"{_CAFFE}/fcn8s-heavy-pascal.caffemodel",),
        source=f"{_FCN}/voc-fcn8s",
        # testdata/dnn/download_models.py of opencv/opencv_extra, and
        # samples/dnn_semantic_segmentation_demo.m of kyamagu/mexopencv.
        checksum="sha1:c449ea74dd7d83751d1357d6a8c323fcf4038962",
        model="fcn8s",
        mean_iu=65.5,
        licence=_UNRESTRICTED,
        note="67.2 on the test set of VOC2012",
    ),
    PublishedWeights(
        name="fcn8s-atonce-pascal",
        file="fcn8s-atonce-pascal.caffemodel",
        urls=(f"{_CAFFE}/fcn8s-atonce-pascal.caffemodel",),
        source=f"{_FCN}/voc-fcn8s-atonce",
        model="fcn8s_atonce",
        mean_iu=65.4,
        licence=_UNRESTRICTED,
        note=_UNCHECKED,
    ),
    PublishedWeights(
        name="fcn-alexnet-pascal",
        file="fcn-alexnet-pascal.caffemodel",
        urls=(f"{_CAFFE}/fcn-alexnet-pascal.caffemodel",),
        source=f"{_FCN}/voc-fcn-alexnet",
        model="fcn32s",
        backbone="alexnet",
        mean_iu=48.0,
        licence=_UNRESTRICTED,
        note=_UNCHECKED,
    ),
)

# Checksums of BVLC's: the readme.md of each. Of VGG's, and the mirror of both:
# tools/caffe_converter/convert_caffe_modelzoo.py of apache/mxnet; the first also in
# samples/dnn_image_classification_demo.m of kyamagu/mexopencv. Licence of VGG's:
# keras.io/api/applications. Sizes: what Caffe logs when it reads them, in public logs.
_CLASSIFIERS = (
    PublishedWeights(
        name="VGG_ILSVRC_16_layers",
        file="VGG_ILSVRC_16_layers.caffemodel",
        urls=(
            f"{_VGG}/software/very_deep/caffe/VGG_ILSVRC_16_layers.caffemodel",
            f"{_MXNET}/vgg/VGG_ILSVRC_16_layers.caffemodel",
        ),
        source=f"{_VGG}/research/very_deep/",
        checksum="sha1:9363e1f6d65f7dba68c4f27a1e62105cdf6c4e24",
        size=553432081,
        licence="Creative Commons Attribution",
    ),
    PublishedWeights(
        name="VGG_ILSVRC_19_layers",
        file="VGG_ILSVRC_19_layers.caffemodel",
        urls=(
            f"{_VGG}/software/very_deep/caffe/VGG_ILSVRC_19_layers.caffemodel",
            f"{_MXNET}/vgg/VGG_ILSVRC_19_layers.caffemodel",
        ),
        source=f"{_VGG}/research/very_deep/",
        checksum="sha1:239785e7862442717d831f682bb824055e51e9ba",
        size=574671192,
        backbone="vgg19",
        licence="Creative Commons Attribution",
    ),
    PublishedWeights(
        name="bvlc_reference_caffenet",
        file="bvlc_reference_caffenet.caffemodel",
        urls=(f"{_CAFFE}/bvlc_reference_caffenet.caffemodel",),
        source=f"{_BVLC}/bvlc_reference_caffenet",
        checksum="sha1:4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46",
        backbone="alexnet",
        licence=_UNRESTRICTED,
    ),
    PublishedWeights(
        name="bvlc_googlenet",
        file="bvlc_googlenet.caffemodel",
        urls=(
            f"{_CAFFE}/bvlc_googlenet.caffemodel",
            f"{_MXNET}/bvlc_googlenet/bvlc_googlenet.caffemodel",
        ),
        source=f"{_BVLC}/bvlc_googlenet",
        checksum="sha1:405fc5acd08a3bb12de8ee5e23a96bec22f08204",
        size=53533754,
        backbone="googlenet",
        licence=_UNRESTRICTED,
    ),
)

# Addresses: torchvision/models/vgg.py, alexnet.py and googlenet.py of pytorch/vision.
# The digits in the names are the first of the SHA-256, as torch.hub checks them.
# Sizes: the progress bars of public downloads.
_PYTORCH = "https://download.pytorch.org/models"
_TORCHVISION_PAGE = "https://pytorch.org/vision/stable/models"

_TORCHVISION = (
    PublishedWeights(
        name="torchvision_vgg16",
        file="vgg16-397923af.pth",
        urls=(f"{_PYTORCH}/vgg16-397923af.pth",),
        source=f"{_TORCHVISION_PAGE}/vgg.html",
        checksum="sha256-prefix:397923af",
        size=553433881,
    ),
    PublishedWeights(
        name="torchvision_vgg19",
        file="vgg19-dcbb9e9d.pth",
        urls=(f"{_PYTORCH}/vgg19-dcbb9e9d.pth",),
        source=f"{_TORCHVISION_PAGE}/vgg.html",
        checksum="sha256-prefix:dcbb9e9d",
        size=574673361,
        backbone="vgg19",
    ),
    PublishedWeights(
        name="torchvision_alexnet",
        file="alexnet-owt-7be5be79.pth",
        urls=(f"{_PYTORCH}/alexnet-owt-7be5be79.pth",),
        source=f"{_TORCHVISION_PAGE}/alexnet.html",
        checksum="sha256-prefix:7be5be79",
        size=244408911,
        backbone="alexnet_torchvision",
    ),
    PublishedWeights(
        name="torchvision_googlenet",
        file="googlenet-1378be20.pth",
        urls=(f"{_PYTORCH}/googlenet-1378be20.pth",),
        source=f"{_TORCHVISION_PAGE}/googlenet.html",
        checksum="sha256-prefix:1378be20",
        backbone="googlenet_torchvision",
    ),
)

# Addresses and MD5: torchfcn/models/fcn32s.py, fcn16s.py and fcn8s.py of
# wkentaro/pytorch-fcn, commit 1f1a7f3; scores: its README, rows "Original". They are
# Berkeley's numbers, renamed. Users found the links broken in 2021 and 2023
# (danieltan07/spatialaffinitynetwork issue 1). Its `vgg16_from_caffe.pth` is not
# listed: torchvision's names with Caffe's kernels, for BGR.
_DRIVE = "https://drive.google.com/uc?id="
_TORCHFCN_PAGE = "https://github.com/wkentaro/pytorch-fcn"
_CONVERTED = "Berkeley's weights for PyTorch"

_TORCHFCN = (
    PublishedWeights(
        name="torchfcn_fcn32s",
        file="fcn32s_from_caffe.pth",
        urls=(f"{_DRIVE}0B9P1L--7Wd2vM2oya3k0Zlgtekk",),
        source=_TORCHFCN_PAGE,
        by_hand=True,
        checksum="md5:8acf386d722dc3484625964cbe2aba49",
        model="fcn32s",
        mean_iu=63.63,
        note=_CONVERTED,
    ),
    PublishedWeights(
        name="torchfcn_fcn16s",
        file="fcn16s_from_caffe.pth",
        urls=(f"{_DRIVE}0B9P1L--7Wd2vVGE3TkRMbWlNRms",),
        source=_TORCHFCN_PAGE,
        by_hand=True,
        checksum="md5:991ea45d30d632a01e5ec48002cac617",
        model="fcn16s",
        mean_iu=65.01,
        note=_CONVERTED,
    ),
    PublishedWeights(
        name="torchfcn_fcn8s",
        file="fcn8s_from_caffe.pth",
        urls=(f"{_DRIVE}0B9P1L--7Wd2vT0FtdThWREhjNkU",),
        source=_TORCHFCN_PAGE,
        by_hand=True,
        checksum="md5:dbd9bbb3829a3184913bccc74373afbb",
        model="fcn8s",
        mean_iu=65.51,
        note=_CONVERTED,
    ),
    PublishedWeights(
        name="torchfcn_fcn8s_atonce",
        file="fcn8s-atonce_from_caffe.pth",
        urls=(f"{_DRIVE}0B9P1L--7Wd2vblE1VUIxV1o2d2M",),
        source=_TORCHFCN_PAGE,
        by_hand=True,
        checksum="md5:bfed4437e941fef58932891217fe6464",
        model="fcn8s_atonce",
        mean_iu=65.40,
        note=_CONVERTED,
    ),
)

PUBLISHED = {
    published.name: published
    for published in (*_BERKELEY, *_CLASSIFIERS, *_TORCHVISION, *_TORCHFCN)
}
