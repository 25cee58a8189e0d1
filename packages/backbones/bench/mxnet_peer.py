"""Times a network that was written here in MXNet itself, and prints a line of JSON: images per second of the best step.

    OMP_NUM_THREADS=2 python mxnet_peer.py SYMBOL --size 112 --batch 8 --mode forward|training --steps 3

Its fused subgraphs (MKLDNN) are used where they work: with some networks they fail in the second step, and then it starts
again without them.
"""
import argparse
import json
import os
import sys
import time

import numpy as np

np.bool = bool  # MXNet 1.9.1 was written for an older NumPy.
import mxnet as mx  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("symbol")
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--mode", default="forward")
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args()
    training = options.mode == "training"
    symbol = mx.sym.load(options.symbol)
    shape = (options.batch, 3, options.size, options.size)
    requests = {name: "write" if training and name != "data" else "null" for name in symbol.list_arguments()}
    executor = symbol.simple_bind(mx.cpu(), data=shape, grad_req=requests)
    for name, array in {**executor.arg_dict, **executor.aux_dict}.items():
        array[:] = np.random.uniform(0, 255, array.shape) if name == "data" else np.random.normal(0, 0.05, array.shape)
    for array in executor.aux_dict.values():
        array[:] = 1

    def step():
        outputs = executor.forward(is_train=training)
        if training:
            executor.backward([outputs[0]])
            for name, gradient in executor.grad_dict.items():
                if gradient is not None:
                    mx.nd.sgd_update(executor.arg_dict[name], gradient, lr=1e-6, out=executor.arg_dict[name])
        mx.nd.waitall()

    step()
    seconds = []
    for _ in range(options.steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"imagesPerSecond": float(f"{options.batch / min(seconds):.3g}")}))


if __name__ == "__main__":
    try:
        main()
    except mx.base.MXNetError:
        if os.environ.get("MXNET_SUBGRAPH_BACKEND") == "NONE":
            raise
        os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"
        os.execv(sys.executable, [sys.executable, *sys.argv])
