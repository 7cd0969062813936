r"""FCN-GoogLeNet on PASCAL VOC, after the paper of 2015. The authors never released it.

Source: https://arxiv.org/abs/1411.4038, sections 4.1 and 4.3 and table 1. The README of
https://github.com/shelhamer/fcn.berkeleyvision.org, commit 1305c73, says "coming soon":
there are neither a network nor a solver nor weights to compare with.

Known, from the text: minibatches of 20 photos, momentum 0.9, a fixed rate, biases at
twice the rate. The rate for GoogLeNet is printed "5^-5", and read as 5e-5. Everything
else is assumed as in `voc_fcn32s_cvpr`: the mean loss, the weight decay of 5e-4, the
length.

Data: SBD's 8,498 photos to train on, the 736 of seg11valid to validate on. The paper's
score is of another split, VOC2011's val, and nobody has published one of this.
Begins with: GoogLeNet of ImageNet.

    keras-fcn data prepare --dataset voc2011_sbd --data-dir data
    keras-fcn train --recipe voc_fcn_googlenet --data-dir data \
        --run-dir runs/voc_fcn_googlenet

Machine and hours: not run here. It needs the ImageNet weights and the photos, and a
GPU. The paper's hours for this network are not known.

| | split | mean IU |
| --- | --- | --- |
| the paper's table 1 | VOC2011 val | 42.5 |
| expected | seg11valid | not known |
| obtained | seg11valid | not run |
"""

from ..runs import RunConfig

CONFIG = RunConfig(
    model="fcn32s",
    backbone="googlenet",
    weights="imagenet",
    dataset="voc2011_sbd",
    data_dir="data",
    crop_size=0,
    augment=False,
    batch_size=1,
    accumulate=20,
    steps_per_epoch=20 * 425,
    epochs=25,
    loss="mean",
    optimizer="caffe_sgd",
    lr=5e-5,
    lr_policy="fixed",
    momentum=0.9,
    weight_decay=5e-4,
    doubled_biases="all",
    seed=1337,
)
