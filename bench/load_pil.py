"""Images loaded as torchvision's datasets and transforms load them: PIL decodes, crops, resizes (bicubic) and mirrors, numpy makes normalised
floats [3, S, S] of it, in one process.

Reads lines "<images>" and answers "<seconds>". Argument, as JSON: where the images are (a folder of files, or of `train.tar`), side, range
of the crop's share and ratio, probability of a mirror image, mean and std.
"""
import io
import json
import math
import os
import random
import sys
import tarfile
import time

import numpy
from PIL import Image


def encoded(path):
    tar = os.path.join(path, "train.tar")
    if os.path.exists(tar):
        with tarfile.open(tar) as members:
            names = [(m.offset_data, m.size) for m in members if m.isfile() and m.name.lower().endswith((".jpg", ".jpeg", ".png"))]
        return [(tar, offset, size) for offset, size in names]
    files = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names if name.lower().endswith((".jpg", ".jpeg", ".png"))]
    return [(name, 0, os.path.getsize(name)) for name in sorted(files)]


def crop_box(width, height, scale, ratio):
    """RandomResizedCrop.get_params."""
    for _ in range(10):
        area = width * height * random.uniform(*scale)
        aspect = math.exp(random.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return random.randint(0, width - w), random.randint(0, height - h), w, h
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side, side


def load(place, options, mean, std):
    name, offset, size = place
    with open(name, "rb") as file:
        file.seek(offset)
        image = Image.open(io.BytesIO(file.read(size))).convert("RGB")
    x, y, w, h = crop_box(*image.size, options["scale"], options["ratio"])
    image = image.crop((x, y, x + w, y + h)).resize((options["side"], options["side"]), Image.BICUBIC)
    if random.random() < options["flip"]:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    return numpy.ascontiguousarray(((numpy.asarray(image, dtype=numpy.float32) / 255 - mean) / std).transpose(2, 0, 1))


options = json.loads(sys.argv[1])
mean, std = (numpy.array(options[name], dtype=numpy.float32) for name in ("mean", "std"))
places = encoded(options["path"])
random.seed(0)
random.shuffle(places)
at = 0
for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(int(line)):
        load(places[at % len(places)], options, mean, std)
        at += 1
    print(time.perf_counter() - start, flush=True)
