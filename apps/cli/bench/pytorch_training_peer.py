"""PyTorch's side of training-speed.ts: the same records, networks, loss and optimiser, with a DataLoader, eager, on the CPU.

    python apps/cli/bench/pytorch_training_peer.py --data flat.rec --classes 40 --network y1 --batch-size 32 --steps 8 --threads 2

Prints a line of JSON: images per second of all steps but the first two, reading and decoding included.
"""

import argparse
import io
import json
import pathlib
import struct
import sys
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

sys.path.append(str(pathlib.Path(__file__).parents[3] / "packages/tfjs-backend-onnxruntime/bench"))
from pytorch_peer import ir_resnet50, mobilefacenet  # noqa: E402


class Records(Dataset):
    """A flat .rec with its .idx beside it. Every record is in one part, as those of small images are."""

    def __init__(self, path):
        self.path, self.file = path, None
        lines = pathlib.Path(path).with_suffix(".idx").read_text().splitlines()
        self.offsets = [int(line.split("\t")[1]) for line in lines]

    def __len__(self):
        return len(self.offsets)

    def __getitem__(self, i):
        if self.file is None:
            self.file = open(self.path, "rb")  # One a worker.
        self.file.seek(self.offsets[i])
        _, length = struct.unpack("<II", self.file.read(8))
        payload = self.file.read(length & 0x1FFFFFFF)
        _, label = struct.unpack("<If", payload[:8])
        pixels = np.asarray(Image.open(io.BytesIO(payload[24:])).convert("RGB"))
        if torch.rand(()) < 0.5:
            pixels = pixels[:, ::-1]
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy()).float().sub_(127.5).mul_(1 / 128), int(label)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--network", default="y1", choices=["y1", "r50"])
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network, width = mobilefacenet() if options.network == "y1" else ir_resnet50()
    network = network.to(memory_format=torch.channels_last).train()
    centres = nn.Parameter(torch.randn(options.classes, width) * 0.01)
    optimiser = torch.optim.SGD([*network.parameters(), centres], lr=0.001, momentum=0.9, weight_decay=5e-4)
    loader = DataLoader(
        Records(options.data), options.batch_size, shuffle=True, drop_last=True, num_workers=1, persistent_workers=True
    )

    def batches():
        while True:
            yield from loader

    counted = 0.0
    ready = time.perf_counter()
    for step, (images, labels) in zip(range(options.steps), batches()):
        optimiser.zero_grad()
        embeddings = functional.normalize(network(images.to(memory_format=torch.channels_last)))
        cosines = embeddings @ functional.normalize(centres).t()
        target = functional.one_hot(labels, options.classes).float()
        moved = torch.cos(torch.acos(cosines.clamp(-1 + 1e-6, 1 - 1e-6)) + 0.5)
        loss = functional.cross_entropy(64 * (target * moved + (1 - target) * cosines), labels)
        loss.backward()
        optimiser.step()
        loss.item()
        now = time.perf_counter()
        if step >= 2:
            counted += now - ready
        ready = now
    print(json.dumps({"imagesPerSecond": round((options.steps - 2) * options.batch_size / counted, 2)}))


if __name__ == "__main__":
    main()
