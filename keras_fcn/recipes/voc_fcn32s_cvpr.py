r"""FCN-32s on PASCAL VOC as in the paper of 2015: minibatches of 20, usual momentum.

Source: https://arxiv.org/abs/1411.4038, section 4.3. The authors released no solver of
it, so a part is known and a part is assumed.

Known, from the text: minibatches of 20 photos, momentum 0.9, a fixed rate of 1e-4 for
VGG16 (1e-3 for AlexNet), biases at twice the rate, score layers that begin at zero,
all layers fine-tuned, at least 175 epochs, no gain from mirroring and jittering.

Assumed:

- A mean loss. Nothing is said of it, but lr/(1 - momentum), how far a steady gradient
  goes, is 1e-3 here and 1e-8 in `voc_fcn32s`, where the loss is a sum: 1.9e-3 when
  translated to a mean. The authors' later FCN-AlexNet has 20 photos, momentum 0.9 and
  a normalised loss too.
- A weight decay of 5e-4. In print it is "5^-4 or 2^-4"; their solvers have 0.0005.
- The 20 photos one after another, at their own sizes, gradients averaged, the mean
  taken photo by photo. A batch of several sizes could not be stacked.
- The length. 175 epochs of SBD's 8,498 photos in the three days that the paper gives
  would be 5.7 photos a second, and its forward pass alone takes 0.21 s of a 500x500
  photo; of the 1,112 of VOC2011 they would be 0.75. So 25 passes of 8,500 photos here,
  more photos than 175 epochs of 1,112. `--epochs 175` is the other reading.

Data: SBD's 8,498 photos to train on, the 736 of seg11valid to validate on.
Begins with: VGG16 of ImageNet, fc6 and fc7 included.

    keras-fcn data prepare --dataset voc2011_sbd --data-dir data
    keras-fcn train --recipe voc_fcn32s_cvpr --data-dir data \
        --run-dir runs/voc_fcn32s_cvpr

Machine and hours: not run here. It needs the ImageNet weights and the photos, and a
GPU. The paper: three days on a Tesla K40c.

| seg11valid | pixel accuracy | mean accuracy | mean IU | f.w. IU |
| --- | --- | --- | --- | --- |
| expected, the paper's table 2 | 89.1 | 73.3 | 59.4 | 81.4 |
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
    accumulate=20,
    steps_per_epoch=20 * 425,
    epochs=25,
    loss="mean",
    optimizer="caffe_sgd",
    lr=1e-4,
    lr_policy="fixed",
    momentum=0.9,
    weight_decay=5e-4,
    doubled_biases="all",
    seed=1337,
)
