"""Makes the files beside it: Parquet as pyarrow (and so Hugging Face) writes it, and bicubic resizing as PIL computes it.

Run with pyarrow 25.0.1 and pillow 12.3.0: python make.py
"""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def png(i):
    image = Image.new("RGB", (4, 4), (i, 255 - i, 2 * i))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


# Rows 3 and 7 repeat row 0, row 5 has no image.
images = [png(0 if i in (3, 7) else i) for i in range(9)]
rows = [None if i == 5 else {"bytes": data, "path": f"{i}.png"} for i, data in enumerate(images)]
table = pa.table(
    {
        "image": pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        "label": pa.array([i % 3 for i in range(9)], pa.int64()),
    }
)
names = {"info": {"features": {"label": {"names": ["ant", "bee", "cat"], "_type": "ClassLabel"}}}}
table = table.replace_schema_metadata({"huggingface": json.dumps(names)})

pq.write_table(table, "snappy-dictionary.parquet", row_group_size=5, write_statistics=True)
pq.write_table(table, "plain.parquet", compression="none", use_dictionary=False, data_page_size=150, write_batch_size=1)
pq.write_table(table, "zstd-v2.parquet", compression="zstd", data_page_version="2.0")
pq.write_table(table, "gzip.parquet", compression="gzip", use_dictionary=["label"])
pq.write_table(table, "brotli.parquet", compression="brotli")

width, height = 16, 12
rgb = [(37 * x * x + 61 * y * (x + 1) + 90 * c) % 256 for y in range(height) for x in range(width) for c in range(3)]
source = Image.frombytes("RGB", (width, height), bytes(rgb))
cases = []
for box, side in [((0, 0, 16, 12), 20), ((3, 2, 14, 11), 7), ((1, 0, 10, 12), 16), ((0, 0, 16, 12), 3)]:
    resized = source.crop(box).resize((side, side), Image.BICUBIC)
    cases.append({"box": box, "side": side, "rgb": list(resized.tobytes())})
with open("pil-bicubic.json", "w") as file:
    json.dump({"width": width, "height": height, "rgb": rgb, "cases": cases}, file)
    file.write("\n")
