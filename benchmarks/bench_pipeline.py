"""The input pipeline against decoding alone, and against a PyTorch `DataLoader`.

What counts is images per second of CPU: the cores beside a GPU are few, and shared. The
`DataLoader`'s data set is what one writes for PyTorch with Pillow: the whole photo is
opened, scaled, cropped, mirrored. Every way takes its turn in each round.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
import os
import platform
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageDraw, ImageOps

from keras_fcn.datasets import VOCSegmentation, voc_palette
from keras_fcn.datasets.batches.augment import MEAN_COLOUR
from keras_fcn.datasets.batches.cached import Cached
from keras_fcn.datasets.batches.numbered import NumberedBatches
from keras_fcn.datasets.batches.threaded import ThreadedBatches

CROP, BATCH = 320, 8
SCALED, UNSCALED = (0.5, 2.0), (1.0, 1.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", help="VOC's folder; else photos are generated")
    parser.add_argument("--split", default="train")
    parser.add_argument("--images", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.data_dir:
            write_photos(Path(folder), arguments.images)
        source = VOCSegmentation(arguments.data_dir or folder, arguments.split)
        source.names = source.names[: arguments.images]
        measure(source, arguments.rounds)


def measure(source, rounds: int):
    ways = {"decode: source[i]": lambda: [source[i] for i in range(len(source))]}
    cached = Cached(source)
    for title, scales in (("scale, crop, flip", SCALED), ("crop, flip", UNSCALED)):
        ways[f"{title}: 1 thread"] = ours(source, scales, workers=1)
        ways[f"{title}: 2 threads"] = ours(source, scales, workers=2)
        if importlib.util.find_spec("tensorflow"):
            ways[f"{title}: tf.data"] = ours(source, scales)
        if importlib.util.find_spec("torch"):
            for workers in (0, 2):
                name = f"{title}: DataLoader, {workers} workers"
                ways[name] = theirs(source, scales, workers)
        ways[f"{title}: 1 thread, cached"] = ours(cached, scales, workers=1)
    taken = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, work in ways.items():
            wall, cpu = time.perf_counter(), cpu_seconds()
            work()
            seconds = (time.perf_counter() - wall, cpu_seconds() - cpu)
            if turn:  # the first reads the files, and fills the cache
                taken[name].append(seconds)
    libraries = ["numpy", "keras", "torch", "tensorflow"]
    found = [name for name in libraries if importlib.util.find_spec(name)]
    versions = ", ".join(f"{n} {importlib.import_module(n).__version__}" for n in found)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}")
    print(f"pillow {PIL.__version__}, {versions}")
    print(f"{len(source)} images, crop {CROP}, batches of {BATCH}, median of {rounds}")
    print(f"{'':42} images per CPU s  of decode  images per s")
    decode = None
    for name, seconds in taken.items():
        medians = map(statistics.median, zip(*seconds, strict=True))
        wall, cpu = (len(source) / median for median in medians)
        decode = decode or cpu
        print(f"{name:42} {cpu:16.0f} {cpu / decode:10.2f} {wall:13.0f}")


def cpu_seconds() -> float:
    """Seconds of all threads, and of the processes that have ended."""
    used = [resource.getrusage(who) for who in (0, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def ours(source, scales, workers=None):
    """One epoch: of `tf.data` if the number of workers is left to it."""
    batches = NumberedBatches(
        source, BATCH, crop_size=CROP, augment=True, shuffle=True, scale_range=scales
    )
    if workers is None:
        from keras_fcn.datasets.batches.tf_data import tf_data_batches as made
    else:
        made = ThreadedBatches
    epochs = made(batches, workers=workers)
    return lambda: exhaust(epochs)


def theirs(source, scales, workers):
    import torch

    torch.set_num_threads(1)  # else they spin while batches of bytes are put together

    class Photos(torch.utils.data.Dataset):
        def __len__(self):
            return len(source)

        def __getitem__(self, index):
            image = Image.open(source.images[index]).convert("RGB")
            label = Image.open(source.labels[index])
            if scales != UNSCALED:
                low, high = map(math.log, scales)
                factor = math.exp(low + (high - low) * torch.rand(()).item())
                size = [max(round(side * factor), 1) for side in image.size]
                image = image.resize(size, Image.Resampling.BILINEAR)
                label = label.resize(size, Image.Resampling.NEAREST)
            if min(image.size) < CROP:
                size = [max(side, CROP) for side in image.size]
                canvas = Image.new("RGB", size, MEAN_COLOUR)
                canvas.paste(image)
                void = Image.new("L", size, 255)
                void.paste(Image.fromarray(np.array(label)))  # indices, not colours
                image, label = canvas, void
            x, y = (int(torch.randint(side - CROP + 1, ())) for side in image.size)
            image = image.crop((x, y, x + CROP, y + CROP))
            label = label.crop((x, y, x + CROP, y + CROP))
            if torch.rand(()).item() < 0.5:
                image, label = ImageOps.mirror(image), ImageOps.mirror(label)
            return torch.from_numpy(np.array(image)), torch.from_numpy(np.array(label))

    loader = torch.utils.data.DataLoader(
        Photos(), BATCH, shuffle=True, num_workers=workers
    )
    return lambda: exhaust(loader)


def exhaust(batches):
    for images, labels in batches:
        assert images.shape[1:] == (CROP, CROP, 3)
        assert labels.shape[1:] == (CROP, CROP)


def write_photos(folder: Path, n: int):
    """Write photos of 500x375 and their masks, as large as files as VOC's are."""
    rng = np.random.default_rng(0)
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / name).mkdir(parents=True)
    names = [f"{i:06d}" for i in range(n)]
    for name in names:
        blots = Image.fromarray(rng.integers(0, 256, (30, 40, 3), "uint8"))
        photo = np.asarray(blots.resize((500, 375), Image.Resampling.BICUBIC))
        photo = photo + rng.normal(0, 9, (375, 500, 1))
        photo = Image.fromarray(np.clip(photo, 0, 255).astype("uint8"))
        photo.save(folder / "JPEGImages" / f"{name}.jpg", quality=87)
        mask = Image.new("P", (500, 375))
        mask.putpalette(voc_palette().tobytes())
        for label in rng.integers(1, 21, 3).tolist():
            corners = [tuple(c) for c in rng.integers(0, 375, (40, 2)).tolist()]
            ImageDraw.Draw(mask).polygon(corners, fill=label, outline=255, width=3)
        mask.save(folder / "SegmentationClass" / f"{name}.png")
    lists = folder / "ImageSets" / "Segmentation"
    (lists / "train.txt").write_text("\n".join(names))


if __name__ == "__main__":
    main()
