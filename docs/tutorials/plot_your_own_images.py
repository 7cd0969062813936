"""
Your own images
===============

You have photos, and for each a mask that says which pixel is what. Masks come in many
forms; three of them are read here, and one is trained on, scored and used. This is
Python. The same in a shell, with every form that masks have, is :doc:`Train on your own
images </own_images>`.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import keras_fcn
from keras_fcn.datasets import FolderSegmentation, check, hold_out
from keras_fcn.pictures import contact_sheet, palette_image, sheet
from keras_fcn.pictures.labels import comparison
from keras_fcn.runs import RunConfig
from keras_fcn.training import train

folder = tempfile.TemporaryDirectory()
WORK = Path(folder.name)
for name in ("photos", "masks", "black_white", "labelme"):
    (WORK / name).mkdir()

# %%
# Photos to follow along
# ----------------------
#
# With photos of your own, leave this out. It draws what a microscope might show: red
# cells, and among them some white ones, violet from the stain.

CLASSES = ["background", "red cell", "white cell"]


def draw(rng, height, width, cells):
    """Return a photo, its mask, and (class, row, column, radius) of each cell."""
    y, x = np.mgrid[:height, :width]
    photo = np.full((height, width, 3), (236, 226, 214)) - 12 * (x / width)[..., None]
    mask, found = np.zeros((height, width), "uint8"), []
    for _ in range(cells):
        kind = 1 if rng.random() < 0.7 else 2
        radius = rng.uniform(7, 9) if kind == 1 else rng.uniform(10, 13)
        row, column = rng.uniform(0, height), rng.uniform(0, width)
        away = np.hypot(y - row, x - column) / radius
        if (mask[away < 1.15] > 0).any():
            continue  # cells lie beside each other
        rim = away**2 if kind == 1 else 1 - 0.6 * (away < 0.6)
        colour = (214, 120, 116) if kind == 1 else (170, 140, 200)
        inside = away < 1
        photo[inside] = (0.72 + 0.28 * rim[inside])[:, None] * colour
        mask[inside] = kind
        found.append((kind, row, column, radius))
    photo = photo + rng.normal(0, 5, photo.shape)
    return photo.clip(0, 255).astype("uint8"), mask, found


rng = np.random.default_rng(0)
cells_of = {}
for number in range(60):
    name = f"slide_{number:02}"
    photo, mask, cells_of[name] = draw(rng, 72, 96, cells=12)
    Image.fromarray(photo).save(WORK / "photos" / f"{name}.png")
    Image.fromarray(mask).save(WORK / "masks" / f"{name}.png")

# %%
# Masks of numbers
# ----------------
#
# The simplest form is what was just written: a grey PNG as large as its photo and with
# its name, in which a pixel is a number. 0 is the background, 1 a red cell, 2 a white
# one: **three** classes, the background counts. 255 would be void, a pixel that belongs
# to no class.
#
# In an image viewer such a mask looks black, for 2 of 255 is nearly black. It is right
# all the same. In colours the numbers can be seen:

mask = np.asarray(Image.open(WORK / "masks" / "slide_00.png"))
print(mask.shape, mask.dtype, np.unique(mask))
views = {
    "photo": Image.open(WORK / "photos" / "slide_00.png"),
    "mask in a viewer": Image.fromarray(mask),
    "its numbers in colours": palette_image(mask),
}
large = [(t, view.convert("RGB").resize((288, 216), 0)) for t, view in views.items()]
# A photo of cells; its mask, which seems black; the same mask in colours.
sheet(large)

# %%
# Two folders, and the names of the classes:

own = FolderSegmentation(
    WORK / "photos", WORK / "masks", class_names=CLASSES, num_classes=3
)
report = check(own)
for name, images, pixels in zip(
    report.class_names, report.images_with, report.pixels, strict=True
):
    share = pixels / report.pixels.sum()
    print(
        f"{name:12} in {images:2} of {report.images} photos, {share:6.1%} of the pixels"
    )

# %%
# ``check`` has read everything, and would have raised if a mask were of another size,
# unreadable, or had a number that is no class. What it cannot know is whether labels
# are *right*. Look:

# Eight photos of cells, each cell tinted in the colour of its class.
contact_sheet(own, range(8), width=192)

# %%
# Black and white
# ---------------
#
# One kind of thing, drawn in white: here the white cells. Without a word 255 would be
# void, and a network would learn that all the world is background. ``check`` notices:

for name in own.names:
    mask = np.asarray(Image.open(WORK / "masks" / f"{name}.png"))
    white = np.where(mask == 2, 255, 0).astype("uint8")
    Image.fromarray(white).save(WORK / "black_white" / f"{name}.png")

try:
    check(FolderSegmentation(WORK / "photos", WORK / "black_white", num_classes=2))
except ValueError as error:
    print(error)

# %%
# In Python it is ``binary=True``:

binary = FolderSegmentation(WORK / "photos", WORK / "black_white", binary=True)
check(binary)
print(binary.class_names, np.unique(binary.label(0)))
assert np.array_equal(binary.label(0) == 1, own.label(0) == 2)

# %%
# From labelme
# ------------
#
# labelme leaves a ``.json`` beside each photo, with the corners of polygons, or a
# circle's centre and a point on its rim. We write what it would have written. The
# shapes are drawn when they are read; give the same folder for photos and masks.

for name, cells in cells_of.items():
    photo = Image.open(WORK / "photos" / f"{name}.png")
    photo.save(WORK / "labelme" / f"{name}.png")
    shapes = [
        {
            "label": CLASSES[kind],
            "shape_type": "circle",
            "points": [[column, row], [column + radius, row]],
        }
        for kind, row, column, radius in cells
    ]
    content = {"imageHeight": photo.height, "imageWidth": photo.width, "shapes": shapes}
    (WORK / "labelme" / f"{name}.json").write_text(json.dumps(content))

polygons = FolderSegmentation(WORK / "labelme", WORK / "labelme")
check(polygons)
same = np.mean([np.mean(polygons.label(i) == own.label(i)) for i in range(len(own))])
print(polygons.class_names)
print(f"{same:.1%} of the pixels are labelled as in the other masks")
assert same > 0.95

# %%
# Train
# -----
#
# Some photos are held out, chosen by their names: the same ones on every machine. A
# ``RunConfig`` says it all, and ``train`` keeps everything about the training in a
# folder. For real photos take ``weights="imagenet"`` and leave out ``width``,
# ``topology`` and ``dropout``.

training, held_out = hold_out(own, share=0.2)
print(len(training), "to train on,", len(held_out), "held out")

config = RunConfig(
    dataset="folder",
    images=str(WORK / "photos"),
    masks=str(WORK / "masks"),
    num_classes=3,
    class_names=tuple(CLASSES),
    val_share=0.2,
    weights="none",
    width=0.1,
    topology="same",
    dropout=0,
    crop_size=64,
    scale_range=(0.8, 1.25),
    batch_size=4,
    lr=1.5e-3,
    epochs=10,
)
history = train(config, WORK / "run", verbose=False)
print("epoch   loss   mean IoU of the photos held out")
for epoch, (loss, iou) in enumerate(
    zip(history["loss"], history["val_mean_iou"], strict=True), start=1
):
    print(f"{epoch:5} {loss:6.2f} {iou:10.1%}")

# %%
# The learning curves lie in the folder of the run, with the weights, the log, and
# predictions after each epoch:

# Loss and scores by epoch, of training and of validation.
Image.open(WORK / "run" / "pictures" / "learning_curves.png")

# %%
# Report, score, use
# ------------------
#
# ``write_report`` puts scores, curves, the best and the worst photos on one page, a
# single HTML file to look at or to pass on. (In a shell: ``keras-fcn report``.)

page = keras_fcn.write_report(WORK / "run")
print(page.name, f"of {page.stat().st_size // 1000} kB")

model, _ = keras_fcn.load_run(WORK / "run")
scores = keras_fcn.evaluate(model, held_out)
for name, iou in zip(CLASSES, scores.per_class_iou(), strict=True):
    print(f"IoU of {name:12} {iou:6.1%}")

# %%
# A new photo, larger than any that it has been trained on:

photo, truth, cells = draw(rng, 130, 200, cells=40)
labels = keras_fcn.predict(model, photo)
assert labels.shape == (130, 200)

# Photo, truth, prediction and overlay.
comparison(photo, labels, CLASSES, truth=truth)

# %%
# And what for? To count what no one wants to count: how much of the slide is what.

for number, name in enumerate(CLASSES):
    found, true = (np.mean(array == number) for array in (labels, truth))
    print(f"{name:12} {found:6.1%} of the slide, in truth {true:6.1%}")

# %%
# From here
# ---------
#
# - :doc:`Train on your own images </own_images>`: in a shell, step by step; coloured
#   masks, CVAT, labelme's export to VOC, another value for void.
# - :doc:`When it does not work </troubleshooting>`.
# - :doc:`Huge images </huge_images>`: photos that do not fit into memory at once.

# sphinx_gallery_thumbnail_number = 4
