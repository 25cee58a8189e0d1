"""Runs arcface_torch's networks, written anew as plain PyTorch modules, on parameters that were written here.

    python torch_network.py FOLDER < request.json

`request.json` has `network` ("iresnet" or "mbf"), `blocks`, `width` (of mbf), `embedding` and `batch`. FOLDER has
`ours.safetensors` (parameters) and gets `theirs.safetensors`: a state of the modules' own for the way back; and
`results.safetensors`: embeddings of both, and of ours the gradients of sum(embedding * direction) and the buffers after that
one step in training mode. Everything is computed in float64; the gradients in float32 too (`grad32:`).

The gradient of a PReLU jumps where its input is zero, so a value that rounding puts on the other side changes it by far more
than rounding does. FOLDER's `sides.safetensors` says for each value on which side it was there (1: positive), and that side is
taken here; `crossed` counts the values that are on the other one in float64, and `furthest` says how far from zero those
are, where a channel's deviation is about 1.
"""
import copy
import json
import os
import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from deterministic_values import images, uniform


class SidedPReLU(nn.PReLU):
    """A PReLU that can be told which of its inputs count as positive."""

    positive = None

    def forward(self, x):
        if self.positive is None:
            return functional.prelu(x, self.weight)
        crossed = x.detach()[(x > 0) != self.positive]
        self.crossed, self.furthest = crossed.numel(), crossed.abs().max().item() if crossed.numel() else 0.0
        return torch.where(self.positive, x, x * self.weight[:, None, None])


def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-5)


class Unit(nn.Module):
    def __init__(self, before, channels, stride):
        super().__init__()
        self.bn1 = norm(before)
        self.conv1 = nn.Conv2d(before, channels, 3, padding=1, bias=False)
        self.bn2 = norm(channels)
        self.prelu = SidedPReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn3 = norm(channels)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), norm(channels))

    def forward(self, x):
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(y)) + (x if self.downsample is None else self.downsample(x))


class IResNet(nn.Module):
    def __init__(self, blocks, embedding):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = norm(64)
        self.prelu = SidedPReLU(64)
        before = 64
        for stage, (count, channels) in enumerate(zip(blocks, (64, 128, 256, 512)), 1):
            units = [Unit(before if i == 0 else channels, channels, 2 if i == 0 else 1) for i in range(count)]
            self.add_module(f"layer{stage}", nn.Sequential(*units))
            before = channels
        self.bn2 = norm(512)
        self.fc = nn.Linear(512 * 7 * 7, embedding)
        self.features = nn.BatchNorm1d(embedding, eps=1e-5)
        self.features.weight.requires_grad = False

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


class Block(nn.Module):
    """Convolution and batch norm, and a PReLU if it is active."""

    def __init__(self, before, channels, kernel=1, stride=1, padding=0, groups=1, active=True):
        super().__init__()
        convolution = nn.Conv2d(before, channels, kernel, stride, padding, groups=groups, bias=False)
        self.layers = nn.Sequential(convolution, norm(channels), *([SidedPReLU(channels)] if active else []))

    def forward(self, x):
        return self.layers(x)


class Bottleneck(nn.Module):
    def __init__(self, before, channels, inner, stride, residual):
        super().__init__()
        self.residual = residual
        self.layers = nn.Sequential(
            Block(before, inner),
            Block(inner, inner, 3, stride, 1, groups=inner),
            Block(inner, channels, active=False),
        )

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


class Repeated(nn.Module):
    def __init__(self, channels, count, inner):
        super().__init__()
        self.layers = nn.Sequential(*[Bottleneck(channels, channels, inner, 1, True) for _ in range(count)])

    def forward(self, x):
        return self.layers(x)


class Head(nn.Module):
    def __init__(self, embedding):
        super().__init__()
        self.layers = nn.Sequential(
            Block(512, 512, 7, groups=512, active=False),
            nn.Flatten(),
            nn.Linear(512, embedding, bias=False),
            nn.BatchNorm1d(embedding),
        )

    def forward(self, x):
        return self.layers(x)


class MobileFaceNet(nn.Module):
    def __init__(self, blocks, width, embedding):
        super().__init__()
        narrow, wide = 64 * width, 128 * width
        second = Block(narrow, narrow, 3, 1, 1, groups=64) if blocks[0] == 1 else Repeated(narrow, blocks[0], 128)
        self.layers = nn.ModuleList(
            [
                Block(3, narrow, 3, 2, 1),
                second,
                Bottleneck(narrow, narrow, 128, 2, False),
                Repeated(narrow, blocks[1], 128),
                Bottleneck(narrow, wide, 256, 2, False),
                Repeated(wide, blocks[2], 256),
                Bottleneck(wide, wide, 512, 2, False),
                Repeated(wide, blocks[3], 256),
            ]
        )
        self.conv_sep = Block(wide, 512)
        self.features = Head(embedding)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.features(self.conv_sep(x))


def make(request):
    if request["network"] == "iresnet":
        return IResNet(request["blocks"], request["embedding"])
    return MobileFaceNet(request["blocks"], request["width"], request["embedding"])


def embed(network, batch):
    network.eval()
    with torch.no_grad():
        return network(batch)


def train(network, batch, direction):
    network.train()
    embeddings = network(batch)
    (embeddings * direction).sum().backward()
    return embeddings.detach()


def main():
    folder = sys.argv[1]
    request = json.load(sys.stdin)
    count = request["batch"]
    batch = (torch.from_numpy(images(count, 112)).double() / 255 - 0.5) / 0.5
    network = make(request)
    network.load_state_dict(load_file(os.path.join(folder, "ours.safetensors")), strict=True)
    network.double()
    results = {"ours": embed(network, batch)}

    slopes = {name: module for name, module in network.named_modules() if isinstance(module, SidedPReLU)}
    for name, positive in load_file(os.path.join(folder, "sides.safetensors")).items():
        slopes[name].positive = positive.bool()
    assert all(module.positive is not None for module in slopes.values())
    direction = torch.from_numpy(uniform("direction", (count, request["embedding"]), -1, 1))
    single = copy.deepcopy(network).float()
    train(single, batch.float(), direction)
    results.update({f"grad32:{n}": p.grad for n, p in single.named_parameters() if p.grad is not None})
    results["trained"] = train(network, batch, direction.double())
    results["crossed"] = torch.tensor([float(sum(module.crossed for module in slopes.values()))])
    results["furthest"] = torch.tensor([max(module.furthest for module in slopes.values())])
    results.update({f"grad:{n}": p.grad for n, p in network.named_parameters() if p.grad is not None})
    results.update({f"after:{n}": b for n, b in network.named_buffers() if "running" in n})

    torch.manual_seed(1)
    own = make(request)
    for name, buffer in own.named_buffers():
        if "running" in name:
            buffer.uniform_(0.8, 1.2)
    save_file(own.state_dict(), os.path.join(folder, "theirs.safetensors"))
    results["theirs"] = embed(own.double(), batch)
    save_file({n: t.contiguous() for n, t in results.items()}, os.path.join(folder, "results.safetensors"))


if __name__ == "__main__":
    main()
