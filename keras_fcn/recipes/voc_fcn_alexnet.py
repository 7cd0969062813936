r"""FCN-AlexNet on PASCAL VOC, the authors' released recipe.

Source: `voc-fcn-alexnet/net.py`, `solver.prototxt` and `solve.py` of
https://github.com/shelhamer/fcn.berkeleyvision.org, commit 1305c73, whose log says why
it differs from `voc_fcn32s`: online learning with the unnormalised loss was unstable
for this network.

One photo at a time at its own size, no augmentation; the mean loss of each; the
gradients of 20 photos averaged for one update. Only the bias of the score layer learns
at twice the rate and without decay; the other layers have Caffe's defaults. 100,000
updates, scored every 4,000, are 2,000,000 photos.

Data: SBD's 8,498 photos to train on, the 736 of seg11valid to validate on.
Begins with: CaffeNet of ImageNet, fc6 and fc7 included.

    keras-fcn data prepare --dataset voc2011_sbd --data-dir data
    keras-fcn train --recipe voc_fcn_alexnet --data-dir data \
        --run-dir runs/voc_fcn_alexnet

Machine and hours: not run here. It needs the ImageNet weights and the photos, and a
GPU. The authors' hours for this recipe are not known.

| seg11valid | mean IU |
| --- | --- |
| expected, the authors' network | 48.0 |
| obtained | not run |
"""

from ..runs import RunConfig

CONFIG = RunConfig(
    model="fcn32s",
    backbone="alexnet",
    weights="imagenet",
    dataset="voc2011_sbd",
    data_dir="data",
    crop_size=0,
    augment=False,
    batch_size=1,
    accumulate=20,
    steps_per_epoch=20 * 4000,
    epochs=25,
    loss="mean",
    optimizer="caffe_sgd",
    lr=1e-4,
    lr_policy="fixed",
    momentum=0.9,
    weight_decay=5e-4,
    doubled_biases="scores",
    seed=1337,
)
