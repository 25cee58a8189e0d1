"""PyTorch's side of the benchmark: the same networks, loss and optimiser as train-step.ts, eager, on the CPU.

    python3 -m venv /tmp/torch && /tmp/torch/bin/pip install torch
    /tmp/torch/bin/python bench/pytorch_peer.py --network mobilefacenet --batch 32 --threads 2

Tries both memory formats, unless one is named, and prints one JSON line for each.
"""

import argparse
import json
import resource
import time

import torch
from torch import nn
from torch.nn import functional

CLASSES = 1000


def conv(inputs, outputs, kernel=1, stride=1, pad=0, groups=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, pad, groups=groups, bias=False)


def norm(channels, prelu):
    layers = [nn.BatchNorm2d(channels, eps=2e-5)]
    return nn.Sequential(*layers, nn.PReLU(channels)) if prelu else layers[0]


class Residual(nn.Module):
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body = body
        self.shortcut = shortcut or nn.Identity()

    def forward(self, x):
        return self.shortcut(x) + self.body(x)


def bottleneck(inputs, outputs, inner, stride):
    return nn.Sequential(
        conv(inputs, inner), norm(inner, True),
        conv(inner, inner, 3, stride, 1, inner), norm(inner, True),
        conv(inner, outputs), norm(outputs, False),
    )


def mobilefacenet():
    def repeat(count, channels, inner):
        return [Residual(bottleneck(channels, channels, inner, 1)) for _ in range(count)]

    return nn.Sequential(
        conv(3, 64, 3, 2, 1), norm(64, True),
        conv(64, 64, 3, 1, 1, 64), norm(64, True),
        bottleneck(64, 64, 128, 2), *repeat(4, 64, 128),
        bottleneck(64, 128, 256, 2), *repeat(6, 128, 256),
        bottleneck(128, 128, 512, 2), *repeat(2, 128, 256),
        conv(128, 512), norm(512, True),
        conv(512, 512, 7, 1, 0, 512), norm(512, False),
        nn.Flatten(), nn.Linear(512, 128), nn.BatchNorm1d(128),
    ), 128


def ir_resnet50():
    def unit(inputs, outputs, stride):
        body = nn.Sequential(
            norm(inputs, False), conv(inputs, outputs, 3, 1, 1), norm(outputs, True),
            conv(outputs, outputs, 3, stride, 1), norm(outputs, False),
        )
        if stride == 1 and inputs == outputs:
            return Residual(body)
        return Residual(body, nn.Sequential(conv(inputs, outputs, 1, stride), norm(outputs, False)))

    layers, channels = [conv(3, 64, 3, 1, 1), norm(64, True)], 64
    for units, outputs in ((3, 64), (4, 128), (14, 256), (3, 512)):
        for i in range(units):
            layers.append(unit(channels, outputs, 2 if i == 0 else 1))
            channels = outputs
    return nn.Sequential(*layers, norm(512, False), nn.Flatten(), nn.Linear(512 * 49, 512), nn.BatchNorm1d(512)), 512


def measure(arguments, memory_format):
    torch.manual_seed(0)
    network, width = mobilefacenet() if arguments.network == "mobilefacenet" else ir_resnet50()
    network = network.to(memory_format=memory_format)
    centres = nn.Parameter(torch.randn(CLASSES, width) * 0.05)
    images = torch.randn(arguments.batch, 3, 112, 112).to(memory_format=memory_format)
    labels = torch.arange(arguments.batch) * 37 % CLASSES
    optimiser = torch.optim.SGD([*network.parameters(), centres], lr=0.01, momentum=0.9)

    def training_step():
        optimiser.zero_grad()
        cosines = functional.normalize(network(images)) @ functional.normalize(centres).t()
        target = functional.one_hot(labels, CLASSES).float()
        moved = torch.cos(torch.acos(cosines.clamp(-1 + 1e-6, 1 - 1e-6)) + 0.5)
        loss = functional.cross_entropy(64 * (target * moved + (1 - target) * cosines), labels)
        loss.backward()
        optimiser.step()
        return loss.item()

    def forward_pass():
        with torch.inference_mode():
            network(images)

    network.train(not arguments.forward)
    step = forward_pass if arguments.forward else training_step
    start = time.perf_counter()
    step()
    first = time.perf_counter() - start
    step()
    best = best_cpu = float("inf")
    for _ in range(arguments.steps):
        start, cpu_start = time.perf_counter(), time.process_time()
        step()
        best = min(best, time.perf_counter() - start)
        best_cpu = min(best_cpu, time.process_time() - cpu_start)
    print(json.dumps({
        "peer": f"pytorch {torch.__version__}",
        "memoryFormat": str(memory_format).removeprefix("torch."),
        "network": arguments.network,
        "mode": "forward" if arguments.forward else "training",
        "batch": arguments.batch,
        "threads": arguments.threads,
        "imagesPerSecond": round(arguments.batch / best, 2),
        "imagesPerCpuSecond": round(arguments.batch / best_cpu, 2),
        "firstStepSeconds": round(first, 2),
        "peakRssMegabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
    }), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", default="mobilefacenet", choices=["mobilefacenet", "ir50"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--forward", action="store_true")
    parser.add_argument("--format", choices=["channels_last", "contiguous_format"])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in [arguments.format] if arguments.format else ["channels_last", "contiguous_format"]:
        measure(arguments, getattr(torch, name))
