"""Builds one network with InsightFace's own MXNet code and runs it under the deterministic weights.

    python reference_network.py FOLDER < settings.json > result.json

FOLDER is recognition/subcenter_arcface of a checkout of insightface; the settings are those of its sample_config.py, with
`net_name`, `size` (height and width of the images) and `batch`. The result has the names and shapes of arguments and auxiliary states, the
operations by the reference's counter, the symbol, and the embeddings; or `error`, if the reference cannot build the network.
One process a network: Gluon numbers its layers through the whole life of a process.
"""
import importlib
import json
import os
import shutil
import sys
import tempfile

import numpy as np

np.bool = bool  # MXNet 1.9.1 was written for an older NumPy.
import mxnet as mx  # noqa: E402

from deterministic_values import images, parameter  # noqa: E402


def main():
    folder = os.path.abspath(sys.argv[1])
    settings = json.load(sys.stdin)
    size, batch = settings.pop("size"), settings.pop("batch")
    output, sys.stdout = sys.stdout, sys.stderr  # The reference prints while it builds.
    with tempfile.TemporaryDirectory() as home:
        shutil.copy(os.path.join(folder, "sample_config.py"), os.path.join(home, "config.py"))
        sys.path[:0] = [home, os.path.join(folder, "symbol"), os.path.join(folder, "common")]
        config = importlib.import_module("config").config
        config.update(fp16=False, densenet_dropout=0.0)
        config.update(settings)
        result = run(config, size, batch)
    json.dump(result, output)


def run(config, size, batch):
    shape = (batch, 3, *size)
    try:
        symbol = importlib.import_module(config.net_name).get_symbol()
        argument_shapes, _, auxiliary_shapes = symbol.infer_shape(data=shape)
    except Exception as error:  # MXNet raises many kinds.
        return {"error": str(error).strip().splitlines()[-1][:200]}
    arguments = dict(zip(symbol.list_arguments(), argument_shapes))
    auxiliaries = dict(zip(symbol.list_auxiliary_states(), auxiliary_shapes))
    del arguments["data"]
    slopes, fixed = roles(json.loads(symbol.tojson()))
    gain = 1 if config.net_name == "fresnet" else 32 / 17
    values = {name: parameter(name, shape, gain, name in slopes) for name, shape in {**arguments, **auxiliaries}.items()}
    executor = symbol.simple_bind(mx.cpu(), data=shape, grad_req="null")
    for arrays in (executor.arg_dict, executor.aux_dict):
        for name, array in arrays.items():
            if name != "data":
                array[:] = values[name]
    executor.arg_dict["data"][:] = images(batch, *size)
    embeddings = executor.forward(is_train=False)[0].asnumpy()
    listed = lambda shapes: [{"name": n, "shape": s, "fixed": n in fixed} for n, s in shapes.items()]
    return {
        "arguments": listed(arguments),
        "auxiliaries": listed(auxiliaries),
        "flops": count_flops(symbol, shape),
        "embeddings": embeddings.reshape(batch, -1).astype(float).tolist(),
    }


def roles(graph):
    """Names of slopes of LeakyReLU, and of gammas that are not used."""
    nodes = graph["nodes"]
    slopes, fixed = set(), set()
    for node in nodes:
        if node["op"] == "LeakyReLU" and len(node["inputs"]) > 1:
            slopes.add(nodes[node["inputs"][1][0]]["name"])
        if node["op"] == "BatchNorm" and node.get("attrs", {}).get("fix_gamma", "True") == "True":
            fixed.add(nodes[node["inputs"][1][0]]["name"])
    return slopes, fixed


def count_flops(symbol, shape):
    try:
        return importlib.import_module("flops_counter").count_flops(symbol, data=(1,) + shape[1:])
    except Exception:  # It cannot count heads with a pooling.
        return None


if __name__ == "__main__":
    main()
