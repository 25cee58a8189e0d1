"""The loss as it is usually written in PyTorch, for `head-step.ts` to be compared with. Prints one JSON line.

    python packages/subcenter-loss/bench/pytorch_peer.py --batch 128 --classes 10000 --subcenters 3 --size 512 --threads 2
"""

import argparse
import json
import math
import resource
import time

import torch
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--classes", type=int, default=10_000)
parser.add_argument("--subcenters", type=int, default=3)
parser.add_argument("--size", type=int, default=512)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--steps", type=int, default=9)
parser.add_argument("--update", action="store_true", help="SGD with momentum and weight decay, too")
arguments = parser.parse_args()

torch.set_num_threads(arguments.threads)
torch.manual_seed(0)
batch, classes, subcenters, size = arguments.batch, arguments.classes, arguments.subcenters, arguments.size
weight = torch.nn.Parameter(torch.randn(classes * subcenters, size) * 0.01)
embedding = torch.randn(batch, size, requires_grad=True)
label = torch.arange(batch) * 37 % classes
optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9, weight_decay=5e-4) if arguments.update else None
cos_m, sin_m, scale = math.cos(0.5), math.sin(0.5), 64.0


def loss() -> torch.Tensor:
    cosine = F.linear(F.normalize(embedding), F.normalize(weight))
    cosine = cosine.view(batch, classes, subcenters).amax(2) if subcenters > 1 else cosine
    target = cosine.gather(1, label[:, None])
    sine = torch.sqrt((1 - target * target).clamp(min=1e-12))
    logits = scale * cosine.scatter(1, label[:, None], target * cos_m - sine * sin_m)
    return F.cross_entropy(logits, label)


times = []
for step in range(arguments.steps + 2):
    began = time.perf_counter()
    embedding.grad = None
    weight.grad = None
    value = loss()
    value.backward()
    if optimizer:
        optimizer.step()
    times.append((time.perf_counter() - began) * 1000)
times = sorted(times[2:])
print(
    json.dumps(
        {
            "peer": f"torch {torch.__version__}",
            "batch": batch,
            "classes": classes,
            "subcenters": subcenters,
            "size": size,
            "threads": arguments.threads,
            "update": arguments.update,
            "medianMs": round(times[len(times) // 2], 2),
            "bestMs": round(times[0], 2),
            "loss": round(value.item(), 4),
            "peakRssMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000,
        }
    )
)
