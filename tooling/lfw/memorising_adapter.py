"""Networks that learn wrong labels by heart, in seconds: a small adapter on frozen embeddings of LFW, each blurred by noise of its own.

    python memorising_adapter.py EMBEDDINGS.f32 LFW_FOLDER --rates .4 .2 0 --seeds 1 2 --epochs 10 --output FOLDER

Needs PyTorch and numpy. EMBEDDINGS.f32 is what `frozen-networks.ts` keeps, a row for every image of the folder in order. Writes what
`self-trained-table.ts` reads: embeddings, sub-centres, labels, the truth, and each epoch's cosines without margin.
"""
import argparse
import json
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

BATCH, SCALE, MARGIN, WIDTH, RATE = 64, 16, 0.2, 512, 0.03


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("embeddings")
    parser.add_argument("folder")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.4, 0.2, 0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--blur", type=float, default=1.5, help="length of the noise, where an embedding's is 1")
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = np.fromfile(options.embeddings, dtype=np.float32)
    people, count = [], 0
    for person in sorted(os.listdir(options.folder)):
        images = len(os.listdir(os.path.join(options.folder, person)))
        people.append(np.arange(count, count + images))
        count += images
    rows = F.normalize(torch.from_numpy(rows.reshape(count, -1))).numpy()
    os.makedirs(options.output, exist_ok=True)
    for rate in options.rates:
        for seed in options.seeds:
            evidence = train(rows, people, rate, seed, options)
            path = os.path.join(options.output, f"rate-{rate:g}-seed-{seed}-k-1.safetensors")
            write(path, evidence, {"dimensions": "128", "subcenters": "1", "epochs": str(options.epochs)})


def spoil(people, rate, seed):
    """Half strangers, half swapped labels. Returns the image shown, the label, and whose image it is (-1: nobody's)."""
    random = np.random.default_rng(seed)
    identities = [images for images in people if len(images) >= 10]
    shown = np.concatenate(identities)
    own = np.concatenate([[label] * len(images) for label, images in enumerate(identities)])
    label, true = own.copy(), own.copy()
    chosen = random.permutation(len(own))[: int(rate * len(own))]
    strangers, swapped = np.array_split(chosen, 2)
    outsiders = random.permutation(np.concatenate([images for images in people if len(images) < 10]))
    shown[strangers] = outsiders[: len(strangers)]
    true[strangers] = -1
    other = random.integers(len(identities) - 1, size=len(swapped))
    label[swapped] = other + (other >= own[swapped])
    return shown, label, true


def train(rows, people, rate, seed, options):
    shown, label, true = spoil(people, rate, seed)
    images, dimensions = len(shown), rows.shape[1]
    noise = np.random.default_rng(seed + 1000).normal(size=(images, dimensions)) * options.blur / math.sqrt(dimensions)
    x, y = torch.tensor(rows[shown] + noise, dtype=torch.float32), torch.tensor(label)
    torch.manual_seed(seed)
    network = torch.nn.Sequential(
        *(torch.nn.Linear(dimensions, WIDTH), torch.nn.BatchNorm1d(WIDTH), torch.nn.PReLU(), torch.nn.Dropout(0.2)),
        *(torch.nn.Linear(WIDTH, WIDTH), torch.nn.BatchNorm1d(WIDTH), torch.nn.PReLU()),
        *(torch.nn.Linear(WIDTH, 128), torch.nn.BatchNorm1d(128)),
    )
    centres = torch.nn.Parameter(torch.randn(int(label.max()) + 1, 128) * 0.01)
    parameters = [*network.parameters(), centres]
    optimizer = torch.optim.SGD(parameters, lr=RATE, momentum=0.9, nesterov=True, weight_decay=5e-4)
    steps, step = options.epochs * (images // BATCH), 0
    epochs = []
    for _ in range(options.epochs):
        own = np.full(images, np.nan, np.float32)
        other = own.copy()
        for batch in torch.randperm(images).split(BATCH):
            if len(batch) < BATCH:
                continue
            for group in optimizer.param_groups:
                warmup = min(1, (step + 1) / (0.05 * steps))
                group["lr"] = RATE * warmup * 0.5 * (1 + math.cos(math.pi * step / steps))
            blurred = x[batch] + 0.3 * torch.randn(BATCH, dimensions) / math.sqrt(dimensions)
            cosines = (F.normalize(network(blurred)) @ F.normalize(centres).T).clamp(-1 + 1e-6, 1 - 1e-6)
            target = F.one_hot(y[batch], len(centres)).bool()
            own[batch] = cosines[target].detach().numpy()
            other[batch] = cosines.detach().masked_fill(target, -2).amax(1).numpy()
            margin = MARGIN * min(1, step / (0.3 * steps))
            logits = SCALE * torch.where(target, torch.cos(torch.acos(cosines) + margin), cosines)
            optimizer.zero_grad()
            F.cross_entropy(logits, y[batch]).backward()
            optimizer.step()
            step += 1
        epochs.append((own, other))
    network.eval()
    with torch.no_grad():
        embeddings = network(x).numpy()
    return {
        "embeddings": embeddings.ravel(),
        "weights": centres.detach().numpy().ravel(),
        "labels": label.astype(np.int32),
        "bad": (label != true).astype(np.uint8),
        "trueLabel": true.astype(np.int32),
        **{f"own:{epoch}": own for epoch, (own, _) in enumerate(epochs)},
        **{f"other:{epoch}": other for epoch, (_, other) in enumerate(epochs)},
    }


def write(path, arrays, metadata):
    """A safetensors file: the length of a JSON header, the header, the bytes of the arrays."""
    names = {"float32": "F32", "int32": "I32", "uint8": "U8"}
    # Wide elements first, so that every array is aligned.
    arrays = dict(sorted(arrays.items(), key=lambda item: -item[1].itemsize))
    header, offset = {"__metadata__": metadata}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": names[str(array.dtype)], "shape": [array.size], "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).tobytes())


if __name__ == "__main__":
    main()
