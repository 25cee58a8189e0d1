"""The drop of the reference as a loop over MXNet: identity by identity, batches of 32, images at a time through `mx.image`.

    OMP_NUM_THREADS=1 MXNET_SUBGRAPH_BACKEND=NONE python drop_mxnet_peer.py DATA.rec PREFIX,EPOCH --k 3 --threshold 75 --output FOLDER

Written here from the description of that program, to time ours against the library it is built on. Writes the records that stay and
prints a line of JSON: seconds for everything after the imports, images read and kept.
"""
import argparse
import json
import math
import os
import time

import numpy as np

np.bool = bool  # MXNet 1.9.1 was written for an older NumPy.
import mxnet as mx  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("model")
    parser.add_argument("--k", type=int, default=3)
    parser.add_argument("--threshold", type=float, default=75)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    begun = time.perf_counter()

    prefix, epoch = options.model.split(",")
    symbol, arguments, auxiliary = mx.model.load_checkpoint(prefix, int(epoch))
    heads = [arguments[f"fc7_{i}_weight"].asnumpy() for i in range(len(arguments)) if f"fc7_{i}_weight" in arguments]
    centres = np.concatenate(heads)
    centres = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    centres = centres.reshape(-1, options.k, centres.shape[1])
    network = mx.mod.Module(symbol.get_internals()["fc1_output"], context=mx.cpu(), label_names=None)
    network.bind(data_shapes=[("data", (options.batch, 3, 112, 112))], for_training=False)
    network.set_params(arguments, auxiliary, allow_extra=True)

    records = mx.recordio.MXIndexedRecordIO(options.data[:-4] + ".idx", options.data, "r")
    header, _ = mx.recordio.unpack(records.read_idx(0))
    os.makedirs(options.output, exist_ok=True)
    base = os.path.join(options.output, "train")
    writer = mx.recordio.MXIndexedRecordIO(base + ".idx", base + ".rec", "w")
    limit = math.cos(options.threshold * math.pi / 180)
    key = label = seen = 0
    for position, identity in enumerate(range(int(header.label[0]), int(header.label[1]))):
        own, _ = mx.recordio.unpack(records.read_idx(identity))
        contents = [mx.recordio.unpack(records.read_idx(i))[1] for i in range(int(own.label[0]), int(own.label[1]))]
        rows = embed(network, contents, options.batch)
        cosines = rows @ centres[position].T
        votes = np.bincount(cosines.argmax(axis=1), minlength=options.k)
        kept = np.flatnonzero(cosines[:, votes.argmax()] > limit)
        for image in kept:
            writer.write_idx(key, mx.recordio.pack(mx.recordio.IRHeader(0, label, key, 0), contents[image]))
            key += 1
        label += len(kept) > 0
        seen += len(contents)
    writer.close()
    print(json.dumps({"seconds": time.perf_counter() - begun, "images": seen, "kept": key}))


def embed(network, contents, batch):
    """Unit rows. A batch is as large as what is left of the identity, as there; MXNet binds the graph anew for each size."""
    rows = []
    for start in range(0, len(contents), batch):
        part = contents[start : start + batch]
        data = mx.nd.zeros((len(part), 3, 112, 112))
        for i, content in enumerate(part):
            data[i][:] = mx.nd.transpose(mx.image.imdecode(content), axes=(2, 0, 1))
        network.forward(mx.io.DataBatch(data=(data,)), is_train=False)
        rows.append(network.get_outputs()[0].asnumpy().astype(np.float64))
    rows = np.concatenate(rows)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
