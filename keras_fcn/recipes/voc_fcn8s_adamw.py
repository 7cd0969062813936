r"""FCN-8s on PASCAL VOC for one GPU of today: start here.

Source: our own choice, not yet measured. The best score of an FCN on VGG16 that we
know, https://github.com/fmahoudeau/FCN-Segmentation-TensorFlow, is of an FCN-8s trained
without stages by Adam at 1e-5, 12 photos a step of 512x512, with augmentation.

From there: AdamW, whose rate falls from 2e-5 to zero and is 1e-5 on average; 8 cuts of
512 pixels, scaled by 0.5 to 2 and mirrored at random; bfloat16 where it does no harm,
for VGG's activations are large and float16 could overflow; the topology "same", half
the cost of the paper's; 50 epochs. The weight decay of 0.01 is the usual one of AdamW.

Data: SBD's 8,498 photos to train on, the 736 of seg11valid to validate on.
Begins with: VGG16 of ImageNet, fc6 and fc7 included.

    keras-fcn data prepare --dataset voc2011_sbd --data-dir data
    keras-fcn train --recipe voc_fcn8s_adamw --data-dir data \
        --run-dir runs/voc_fcn8s_adamw

On a GPU without bfloat16 add `--precision float32`; where memory is short,
`--batch-size 4 --accumulate 2`.

Machine and hours: not run here. It needs the ImageNet weights and the photos, and a
GPU.

| | split | mean IU |
| --- | --- | --- |
| fmahoudeau, trained on other photos, 10,582 | VOC2012 val | 68.5 |
| expected | seg11valid | not known |
| obtained | seg11valid | not run |
"""

from ..runs import RunConfig

CONFIG = RunConfig(
    model="fcn8s",
    backbone="vgg16",
    weights="imagenet",
    topology="same",
    dataset="voc2011_sbd",
    data_dir="data",
    crop_size=512,
    augment=True,
    scale_range=(0.5, 2.0),
    batch_size=8,
    epochs=50,
    loss="mean",
    optimizer="adamw",
    lr=2e-5,
    lr_policy="poly",
    weight_decay=0.01,
    precision="mixed_bfloat16",
    seed=1337,
)
