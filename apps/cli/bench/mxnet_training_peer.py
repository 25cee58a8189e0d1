"""MXNet's side of training-speed.ts: `Module` on the same records with MXNet's own `ImageRecordIter`, as the reference trains.

    OMP_NUM_THREADS=2 python apps/cli/bench/mxnet_training_peer.py --data flat.rec --symbol y1-symbol.json --classes 40

The symbol is the network as `arcface model convert --to mxnet` writes it; the ArcFace head is added here. Prints a line of JSON:
images per second of all steps but the first two, reading and decoding included.
"""

import argparse
import json
import os
import pathlib
import sys
import time

import numpy as np

np.bool = bool  # MXNet 1.9.1 was written for an older NumPy.
import mxnet as mx  # noqa: E402


def arcface(embedding, classes, width):
    weight = mx.sym.L2Normalization(mx.sym.Variable("fc7_weight", shape=(classes, width)))
    label = mx.sym.Variable("softmax_label")
    cosines = mx.sym.FullyConnected(
        mx.sym.L2Normalization(embedding), weight=weight, num_hidden=classes, no_bias=True
    )
    own = mx.sym.pick(cosines, label, axis=1)
    moved = mx.sym.cos(mx.sym.arccos(mx.sym.clip(own, -1 + 1e-6, 1 - 1e-6)) + 0.5)
    added = mx.sym.expand_dims(moved - own, 1)
    hot = mx.sym.one_hot(label, depth=classes)
    logits = 64 * (cosines + mx.sym.broadcast_mul(hot, added))
    return mx.sym.SoftmaxOutput(logits, label, name="softmax", normalization="batch")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    prefix = options.symbol[: -len("-symbol.json")]
    embedding, weights, averages = mx.model.load_checkpoint(prefix, 0)
    _, (shape,), _ = embedding.infer_shape(data=(1, 3, 112, 112))
    module = mx.mod.Module(arcface(embedding, options.classes, shape[1]), context=mx.cpu())
    images = mx.io.ImageRecordIter(
        path_imgrec=options.data,
        path_imgidx=str(pathlib.Path(options.data).with_suffix(".idx")),
        data_shape=(3, 112, 112),
        batch_size=options.batch_size,
        shuffle=True,
        rand_mirror=True,
        preprocess_threads=options.threads,
        round_batch=True,
    )
    module.bind(images.provide_data, images.provide_label)
    module.init_params(mx.init.Normal(0.01), arg_params=weights, aux_params=averages, allow_missing=True)
    module.init_optimizer(
        optimizer="sgd", optimizer_params={"learning_rate": 0.001, "momentum": 0.9, "wd": 5e-4}
    )

    def batches():
        while True:
            images.reset()
            yield from images

    counted = 0.0
    ready = time.perf_counter()
    for step, batch in zip(range(options.steps), batches()):
        module.forward_backward(batch)
        module.update()
        mx.nd.waitall()
        now = time.perf_counter()
        if step >= 2:
            counted += now - ready
        ready = now
    print(json.dumps({"imagesPerSecond": round((options.steps - 2) * options.batch_size / counted, 2)}))


if __name__ == "__main__":
    try:
        main()
    except mx.base.MXNetError:
        # Its fused subgraphs (MKLDNN) fail with some networks in the second step.
        if os.environ.get("MXNET_SUBGRAPH_BACKEND") == "NONE":
            raise
        os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"
        os.execv(sys.executable, [sys.executable, *sys.argv])
