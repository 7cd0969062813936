r"""FCN-16s on PASCAL VOC, the authors' released recipe: FCN-32s goes on, with a skip.

Source: `voc-fcn16s/net.py`, `solver.prototxt` and `solve.py` of
https://github.com/shelhamer/fcn.berkeleyvision.org, commit 1305c73;
https://arxiv.org/abs/1605.06211.

As `voc_fcn32s`, at a hundredth of its rate. The scores of pool4 begin at zero, so that
the first prediction is that of FCN-32s.

Data: SBD's 8,498 photos to train on, the 736 of seg11valid to validate on.
Begins with: a run of `voc_fcn32s`.

    keras-fcn train --recipe voc_fcn16s --from runs/voc_fcn32s --data-dir data \
        --run-dir runs/voc_fcn16s

Machine and hours: not run here. It needs an FCN-32s, the photos and a GPU. In the
paper of 2015, by its own recipe, this stage took a day on a Tesla K40c.

| seg11valid | pixel accuracy | mean accuracy | mean IU | f.w. IU |
| --- | --- | --- | --- | --- |
| expected, the authors' network | 91.0 | 78.1 | 65.0 | 84.3 |
| obtained | not run | | | |
"""

from ..runs import RunConfig

STARTS_FROM = "voc_fcn32s"

CONFIG = RunConfig(
    model="fcn16s",
    backbone="vgg16",
    weights="none",
    dataset="voc2011_sbd",
    data_dir="data",
    crop_size=0,
    augment=False,
    batch_size=1,
    steps_per_epoch=4000,
    epochs=25,
    loss="sum",
    optimizer="caffe_sgd",
    lr=1e-12,
    lr_policy="fixed",
    momentum=0.99,
    weight_decay=5e-4,
    doubled_biases="all",
    seed=1337,
)
