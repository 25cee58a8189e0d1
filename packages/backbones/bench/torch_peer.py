"""Times one of arcface_torch's networks in PyTorch, and prints a line of JSON: images per second of the best step.

    python torch_peer.py --network iresnet --blocks 3 4 14 3 --threads 2 --batch 8 --mode forward|training --steps 3

The modules are those that `tooling/oracles/backbones` holds ours to. Nothing is compiled: it is PyTorch as it comes.
"""
import argparse
import json
import os
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../tooling/oracles/backbones"))
from torch_network import make  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", required=True)
    parser.add_argument("--blocks", type=int, nargs="+", required=True)
    parser.add_argument("--width", type=int, default=1)
    parser.add_argument("--embedding", type=int, default=512)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--mode", default="forward")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    network = make(vars(options))
    images = torch.rand(options.batch, 3, 112, 112) * 2 - 1
    training = options.mode == "training"
    network.train(training)
    optimiser = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=1e-6)

    def step():
        if not training:
            with torch.inference_mode():
                network(images)
            return
        optimiser.zero_grad()
        network(images).square().mean().backward()
        optimiser.step()

    step()
    seconds = []
    for _ in range(options.steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"imagesPerSecond": float(f"{options.batch / min(seconds):.3g}")}))


if __name__ == "__main__":
    main()
