"""The same MaskAlign step in PyTorch: SDPA attention, AdamW, the whole teacher as the official code runs it.
With `compile`, torch.compile and fused AdamW. `device` is "cpu" or "cuda"; on a GPU `precision` is "fp32", "tf32" (products) or
"bf16" (autocast), and batches are copied up from pinned memory each step.

Reads lines "<steps>" and answers "<seconds per step>"; "memory" is answered with the largest resident size so far, in MiB (of a GPU:
what was reserved there). Argument: the sizes as JSON (see step-case.ts).
"""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads, eps, quick):
        super().__init__()
        self.heads, self.quick = heads, quick
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=eps), nn.LayerNorm(width, eps=eps)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, d))
        y = self.fc1(self.norm2(x))
        return x + self.fc2(y * torch.sigmoid(1.702 * y) if self.quick else F.gelu(y))


class Teacher(nn.Module):
    def __init__(self, size, levels):
        super().__init__()
        width, patch, self.levels = size["width"], size["patchSize"], levels
        tokens = (size["imageSize"] // patch) ** 2 + 1
        self.patch = nn.Conv2d(3, width, patch, patch, bias=False)
        self.cls, self.positions = nn.Parameter(torch.randn(1, 1, width)), nn.Parameter(torch.randn(1, tokens, width))
        self.norm_pre = nn.LayerNorm(width, eps=1e-5)
        self.blocks = nn.ModuleList(Block(width, size["heads"], 1e-5, True) for _ in range(size["depth"]))
        self.register_buffer("scale", torch.rand(3, 1, 1) + 0.5)
        self.register_buffer("shift", torch.rand(3, 1, 1))
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, images, keep_ids):
        x = self.patch(images * self.scale + self.shift).flatten(2).transpose(1, 2)
        x = self.norm_pre(torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.positions)
        rows = keep_ids.unsqueeze(-1).expand(-1, -1, x.shape[-1])
        targets = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i >= len(self.blocks) - self.levels:
                y = F.layer_norm(x, (x.shape[-1],))
                targets.append(torch.cat([y[:, :1], y[:, 1:].gather(1, rows)], 1))
        return targets


class MaskAlign(nn.Module):
    def __init__(self, size, levels):
        super().__init__()
        width, patch, self.levels = size["width"], size["patchSize"], levels
        tokens = (size["imageSize"] // patch) ** 2 + 1
        self.teacher = Teacher(size, levels)
        self.patch = nn.Conv2d(3, width, patch, patch)
        self.cls = nn.Parameter(torch.randn(1, 1, width))
        self.register_buffer("positions", torch.randn(1, tokens, width))
        self.blocks = nn.ModuleList(Block(width, size["heads"], 1e-6, False) for _ in range(size["depth"]))
        self.weights = nn.Parameter(torch.eye(size["depth"]) + 0.01)
        self.adaptors = nn.ModuleList(nn.Linear(width, width) for _ in range(levels))

    def forward(self, images, keep_ids):
        targets = self.teacher(images, keep_ids)
        x = self.patch(images).flatten(2).transpose(1, 2) + self.positions[:, 1:]
        x = x.gather(1, keep_ids.unsqueeze(-1).expand(-1, -1, x.shape[-1]))
        x = torch.cat([(self.cls + self.positions[:, :1]).expand(len(x), -1, -1), x], 1)
        hidden = []
        for block in self.blocks:
            x = block(x)
            hidden.append(x)
        mixed = torch.einsum("ij,jbnd->ibnd", self.weights[-self.levels:], torch.stack(hidden))
        losses = [2 * F.smooth_l1_loss(adapt(mixed[i]), targets[i]) for i, adapt in enumerate(self.adaptors)]
        return sum(losses) / self.levels


def main():
    size = json.loads(sys.argv[1])
    torch.manual_seed(0)
    torch.set_num_threads(size["threads"])
    device, precision = size.get("device", "cpu"), size.get("precision", "fp32")
    on_gpu = device == "cuda"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    levels = min(size["levels"], size["depth"])
    model = MaskAlign(size, levels).to(device)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.dim() > 1], "weight_decay": 0.05},
            {"params": [p for p in trained if p.dim() == 1], "weight_decay": 0.0},
        ],
        lr=1e-4, betas=(0.9, 0.95), eps=1e-8, fused=size["compile"],
    )
    step = torch.compile(model) if size["compile"] else model
    patches = (size["imageSize"] // size["patchSize"]) ** 2
    kept = int(patches * (1 - size["maskRatio"]))
    images = torch.randn(size["batch"], 3, size["imageSize"], size["imageSize"])
    keep_ids = torch.stack([torch.randperm(patches)[:kept] for _ in range(size["batch"])])
    if on_gpu:
        images, keep_ids = images.pin_memory(), keep_ids.pin_memory()
    for line in sys.stdin:
        if line.strip() == "memory" and on_gpu:
            print(torch.cuda.max_memory_reserved() / 2**20, flush=True)
            continue
        if line.strip() == "memory":
            # ru_maxrss would begin with the size of the process that started this one.
            with open("/proc/self/status") as status:
                print(next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")), flush=True)
            continue
        steps = int(line)
        start = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad()
            with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16"):
                loss = step(images.to(device, non_blocking=True), keep_ids.to(device, non_blocking=True))
            loss.backward()
            optimizer.step()
            if not on_gpu:
                loss.item()
        if on_gpu:
            loss.item()
        print((time.perf_counter() - start) / steps, flush=True)


main()
