"""FCN-32s on PASCAL VOC, the authors' released recipe.

Source: `voc-fcn32s/net.py`, `solver.prototxt` and `solve.py` of
https://github.com/shelhamer/fcn.berkeleyvision.org, commit 1305c73;
https://arxiv.org/abs/1605.06211.

One photo a step at its own size, no augmentation; the loss summed over its pixels;
a low fixed rate and a high momentum; biases at twice the rate and without decay. On a
photo of 500x375 the same steps with a mean loss have the rate 1.9e-5 and the weight
decay 2.7e-9 (`keras_fcn.optimizers.mean_loss_translation`). 100,000 iterations, scored
every 4,000, are nearly 12 passes over the photos.

Data: SBD's 8,498 photos to train on, the 736 of seg11valid to validate on.
Begins with: VGG16 of ImageNet, fc6 and fc7 included.

    keras-fcn data prepare --dataset voc2011_sbd --data-dir data
    keras-fcn train --recipe voc_fcn32s --data-dir data --run-dir runs/voc_fcn32s

Machine and hours: not run here. It needs the ImageNet weights and the photos, and a
GPU. The authors' hours for this recipe are not known.

| seg11valid | pixel accuracy | mean accuracy | mean IU | f.w. IU |
| --- | --- | --- | --- | --- |
| expected, the authors' network | 90.5 | 76.5 | 63.6 | 83.5 |
| obtained | not run | | | |
"""

from ..runs import RunConfig

CONFIG = RunConfig(
    model="fcn32s",
    backbone="vgg16",
    weights="imagenet",
    dataset="voc2011_sbd",
    data_dir="data",
    crop_size=0,
    augment=False,
    batch_size=1,
    steps_per_epoch=4000,
    epochs=25,
    loss="sum",
    optimizer="caffe_sgd",
    lr=1e-10,
    lr_policy="fixed",
    momentum=0.99,
    weight_decay=5e-4,
    doubled_biases="all",
    seed=1337,
)
