r"""FCN-8s on PASCAL VOC, the authors' released recipe: FCN-16s goes on, with a skip.

Source: `voc-fcn8s/net.py`, `solver.prototxt` and `solve.py` of
https://github.com/shelhamer/fcn.berkeleyvision.org, commit 1305c73;
https://arxiv.org/abs/1605.06211.

As `voc_fcn16s`, at a hundredth of its rate. The scores of pool3 begin at zero, so that
the first prediction is that of FCN-16s.

Data: SBD's 8,498 photos to train on, the 736 of seg11valid to validate on.
Begins with: a run of `voc_fcn16s`.

    keras-fcn train --recipe voc_fcn8s --from runs/voc_fcn16s --data-dir data \
        --run-dir runs/voc_fcn8s

Machine and hours: not run here. It needs an FCN-16s, the photos and a GPU. In the
paper of 2015, by its own recipe, this stage took a day on a Tesla K40c.

| seg11valid | pixel accuracy | mean accuracy | mean IU | f.w. IU |
| --- | --- | --- | --- | --- |
| expected, the authors' network | 91.2 | 77.6 | 65.5 | 84.5 |
| obtained | not run | | | |

The authors' network has 67.2 mean IU on the test set of VOC2012.
"""

from ..runs import RunConfig

STARTS_FROM = "voc_fcn16s"

CONFIG = RunConfig(
    model="fcn8s",
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
    lr=1e-14,
    lr_policy="fixed",
    momentum=0.99,
    weight_decay=5e-4,
    doubled_biases="all",
    seed=1337,
)
