"""Makes jpegs/ beside it: JPEGs of every kind that libjpeg writes, and what PIL makes of them, whole, cropped and resized.

Run with cjpeg of libjpeg-turbo 2.1.5 and pillow 9.4.0: python make_jpegs.py
"""

import hashlib
import io
import json
import os
import random
import subprocess

from PIL import Image

KINDS = {
    "420": [],
    "444": ["-sample", "1x1"],
    "422": ["-sample", "2x1"],
    "440": ["-sample", "1x2"],
    "411": ["-sample", "4x1"],
    "luma-below-chroma": ["-sample", "1x1,2x2,2x2"],
    "quality-5": ["-quality", "5"],
    "quality-100": ["-quality", "100", "-sample", "1x1"],
    "progressive": ["-progressive"],
    "progressive-422": ["-progressive", "-sample", "2x1"],
    "optimised": ["-optimize"],
    "restarts": ["-restart", "1"],
    "restarts-in-rows": ["-restart", "3B"],
    "rgb": ["-rgb"],
    "grey": ["-grayscale"],
    "arithmetic": ["-arithmetic"],
    "ratios-4-2": ["-sample", "4x1,2x1,1x1"],
    "ratios-3": ["-sample", "3x1,1x1,1x1"],
    "progressive-unfinished": ["-scans", "scans.txt"],
    "large-coefficients": ["-quality", "50"],
}
# All of DC, none of the rest: decoders smooth such files.
SCANS = "0,1,2: 0 0, 0, 0;\n"
SIZES = [(1, 1), (37, 83), (150, 131)]


def picture(width, height):
    """Patches of any colour with smooth parts and noise: every frequency, and the ends of the range."""
    draw = random.Random(width * 1000 + height)
    patches = [[draw.randrange(256) for _ in range(3)] for _ in range(49)]
    values = bytearray()
    for y in range(height):
        for x in range(width):
            patch = patches[(x // 11) % 7 + 7 * ((y // 13) % 7)]
            noise = draw.randrange(64) - 32 if (x // 22 + y // 26) % 2 else 0
            values += bytes(min(255, max(0, value + noise + (x + y) % 11)) for value in patch)
    return Image.frombytes("RGB", (width, height), bytes(values))


def sha256(image):
    return hashlib.sha256(image.tobytes()).hexdigest()


def with_large_coefficients(data):
    """The same with the largest quantiser of DC: sums that no encoder makes, and that wrap or saturate."""
    table = data.index(b"\xff\xdb") + 5
    return data[:table] + b"\xff" + data[table + 1 :]


os.makedirs("jpegs", exist_ok=True)
with open("scans.txt", "w") as file:
    file.write(SCANS)
found = []
for kind, options in KINDS.items():
    for width, height in SIZES:
        ppm = io.BytesIO()
        picture(width, height).save(ppm, "PPM")
        name = f"{kind}-{width}x{height}.jpg"
        subprocess.run(["cjpeg", *options, "-outfile", f"jpegs/{name}"], input=ppm.getvalue(), check=True)
        if kind == "large-coefficients":
            with open(f"jpegs/{name}", "rb+") as file:
                changed = with_large_coefficients(file.read())
                file.seek(0)
                file.write(changed)
        image = Image.open(f"jpegs/{name}").convert("RGB")
        draw = random.Random(name)
        crops = []
        boxes = [(0, 0, min(width, columns), height) for columns in (1, 2, 3)]
        for _ in range(12):
            left, top = draw.randrange(width), draw.randrange(height)
            boxes.append((left, top, draw.randrange(left, width) + 1, draw.randrange(top, height) + 1))
        for box in boxes:
            side = draw.randrange(1, 80)
            crops.append({"box": box, "side": side, "sha256": sha256(image.crop(box).resize((side, side), Image.BICUBIC))})
        found.append({"name": name, "width": width, "height": height, "sha256": sha256(image), "crops": crops})
os.remove("scans.txt")
with open("jpegs/as-pil-reads-them.json", "w") as file:
    json.dump(found, file, separators=(",", ":"))
    file.write("\n")
