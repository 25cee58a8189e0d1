"""Opens checkpoints that were written here with MXNet itself, and trains one of MXNet's own for the way back.

    python mxnet_checkpoint.py embed < requests.json > results.json
    python mxnet_checkpoint.py train PREFIX > result.json

A request is {prefix, epoch, size}; its result has the embeddings of two deterministic images, and the
sub-centres as the reference's drop.py puts them together. `train` writes PREFIX-symbol.json and PREFIX-0002.params.
"""
import json
import sys

import numpy as np

np.bool = bool  # MXNet 1.9.1 was written for an older NumPy.
import mxnet as mx  # noqa: E402

from deterministic_values import images  # noqa: E402

COUNT = 2


def embed(prefix, epoch, size):
    symbol, arguments, auxiliaries = mx.model.load_checkpoint(prefix, epoch)
    internals = symbol.get_internals()
    if "fc1_output" in internals.list_outputs():  # As drop.py does; PyTorch's networks call their last layer otherwise.
        symbol = internals["fc1_output"]
    module = mx.mod.Module(symbol, context=mx.cpu(), label_names=None)
    module.bind(data_shapes=[("data", (COUNT, 3, size, size))], for_training=False)
    module.set_params(arguments, auxiliaries)
    module.forward(mx.io.DataBatch(data=(mx.nd.array(images(COUNT, size)),)), is_train=False)
    embeddings = module.get_outputs()[0].asnumpy()
    blocks = []
    while f"fc7_{len(blocks)}_weight" in arguments:
        blocks.append(arguments[f"fc7_{len(blocks)}_weight"].asnumpy())
    subcenters = np.concatenate(blocks).tolist() if blocks else []
    return {"embeddings": embeddings.astype(float).tolist(), "subcenters": subcenters}


def network():
    """A small network in MXNet's own words, with operators that ours reads but does not write in the same way."""
    data = mx.sym.Variable("data")
    x = (data - 127.5) * 0.0078125
    x = mx.sym.Convolution(x, num_filter=8, kernel=(3, 3), stride=(2, 2), pad=(1, 1), name="stem")
    x = mx.sym.BatchNorm(x, fix_gamma=False, eps=2e-5, name="stem_bn")
    x = mx.sym.LeakyReLU(x, act_type="prelu", name="stem_relu")
    full = {"pooling_convention": "full", "pad": (1, 1)}
    x = mx.sym.Pooling(x, kernel=(3, 3), stride=(2, 2), pool_type="max", name="pool", **full)
    x = mx.sym.Pooling(x, kernel=(4, 4), stride=(3, 3), pool_type="avg", name="means", **full)
    shared = {"weight": mx.sym.Variable("shared_weight"), "no_bias": True, "num_filter": 8, "kernel": (1, 1)}
    x = mx.sym.Convolution(mx.sym.identity(mx.sym.Convolution(x, name="once", **shared)), name="again", **shared)
    y = mx.sym.Convolution(x, num_filter=8, num_group=8, kernel=(3, 3), pad=(1, 1), no_bias=True, name="dw")
    y = mx.sym.Activation(mx.sym.BatchNorm(y, name="dw_bn"), act_type="tanh", name="dw_act")
    x = mx.sym.Concat(x + y, x * y, dim=1, name="both")
    x = mx.sym.Dropout(mx.sym.Flatten(x), p=0.2)
    x = mx.sym.FullyConnected(x, num_hidden=8, name="pre_fc1")
    embedding = mx.sym.BatchNorm(x, fix_gamma=True, eps=2e-5, name="fc1")
    centres = mx.sym.L2Normalization(mx.sym.Variable("fc7_0_weight", shape=(12, 8)), mode="instance")
    unit = mx.sym.L2Normalization(embedding, mode="instance")
    cosines = mx.sym.FullyConnected(unit, weight=centres, no_bias=True, num_hidden=12, name="fc7_0")
    best = mx.sym.max(mx.sym.reshape(cosines, shape=(-1, 4, 3)), axis=2)
    return mx.sym.SoftmaxOutput(best * 16, name="softmax")


def train(prefix, size=24):
    module = mx.mod.Module(network(), context=mx.cpu())
    module.bind(data_shapes=[("data", (COUNT, 3, size, size))], label_shapes=[("softmax_label", (COUNT,))])
    mx.random.seed(1)
    module.init_params(mx.init.Xavier(rnd_type="gaussian", factor_type="out", magnitude=2))
    module.init_optimizer(optimizer="sgd", optimizer_params={"learning_rate": 0.1, "momentum": 0.9})
    batch = mx.io.DataBatch(data=(mx.nd.array(images(COUNT, size)),), label=(mx.nd.array([1, 3]),))
    for _ in range(5):
        module.forward_backward(batch)
        module.update()
    module.save_checkpoint(prefix, 2)
    return embed(prefix, 2, size)


def main():
    if sys.argv[1] == "train":
        result = train(sys.argv[2])
    else:
        result = [embed(r["prefix"], r["epoch"], r["size"]) for r in json.load(sys.stdin)]
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
