r"""FCN-8s on PASCAL VOC without stages, the authors' released recipe.

Source: `voc-fcn8s-atonce/net.py`, `solver.prototxt` and `solve.py` of
https://github.com/shelhamer/fcn.berkeleyvision.org, commit 1305c73;
https://arxiv.org/abs/1605.06211.

As `voc_fcn32s`, three times as long: both skips learn from the first step on. Pool4 is
scaled by 0.01 and pool3 by 0.0001 before they are scored, which tames the rate that
the coarse scores need. 300,000 iterations, scored every 4,000.

Data: SBD's 8,498 photos to train on, the 736 of seg11valid to validate on.
Begins with: VGG16 of ImageNet, fc6 and fc7 included.

    keras-fcn data prepare --dataset voc2011_sbd --data-dir data
    keras-fcn train --recipe voc_fcn8s_atonce --data-dir data \
        --run-dir runs/voc_fcn8s_atonce

Machine and hours: not run here. It needs the ImageNet weights and the photos, and a
GPU. The authors' hours for this recipe are not known.

| seg11valid | pixel accuracy | mean accuracy | mean IU | f.w. IU |
| --- | --- | --- | --- | --- |
| expected, the authors' network | 91.1 | 78.5 | 65.4 | 84.4 |
| obtained | not run | | | |
"""

from ..runs import RunConfig

CONFIG = RunConfig(
    model="fcn8s_atonce",
    backbone="vgg16",
    weights="imagenet",
    dataset="voc2011_sbd",
    data_dir="data",
    crop_size=0,
    augment=False,
    batch_size=1,
    steps_per_epoch=4000,
    epochs=75,
    loss="sum",
    optimizer="caffe_sgd",
    lr=1e-10,
    lr_policy="fixed",
    momentum=0.99,
    weight_decay=5e-4,
    doubled_biases="all",
    seed=1337,
)
