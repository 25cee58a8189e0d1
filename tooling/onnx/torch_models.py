"""Writes IR-ResNets of PyTorch as ONNX files, as arcface_torch's users do: python torch_models.py FOLDER

Each NAME.onnx comes with NAME.json: pixels (RGB, 0..255, NHWC) and what PyTorch makes of them. The batch norms have seen
such pixels as (p - 127.5) / 127.5, so that how the file is fed can be found out from it.
"""
import json
import os
import sys
import warnings

import numpy as np
import torch
from torch import nn

warnings.filterwarnings("ignore")
SIDE = 48


class Unit(nn.Module):
    """Batch norm, convolution, batch norm, PReLU, convolution, batch norm, and the input added."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs, eps=1e-5)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs, eps=1e-5)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs, eps=1e-5)
        self.downsample = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs, eps=1e-5)
        )

    def forward(self, x):
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(y)) + self.downsample(x)


class IResNet(nn.Module):
    def __init__(self, widths=(16, 16, 32, 32), embedding=32):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.PReLU(widths[0])
        )
        sides = [widths[0], *widths]
        self.units = nn.Sequential(*(Unit(a, b, 2) for a, b in zip(sides, widths)))
        self.bn2 = nn.BatchNorm2d(widths[-1], eps=1e-5)
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(widths[-1] * (SIDE // 16) ** 2, embedding)
        self.features = nn.BatchNorm1d(embedding, eps=1e-5)

    def forward(self, x):
        x = self.bn2(self.units(self.stem(x)))
        return self.features(self.fc(self.dropout(torch.flatten(x, 1))))


def main(folder):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    shade = rng.uniform(-60, 60, (24, SIDE, SIDE, 1)) + rng.uniform(-30, 30, (24, 1, 1, 1))
    pixels = np.clip(np.array([170, 125, 95]) + shade + rng.uniform(-10, 10, (24, SIDE, SIDE, 3)), 0, 255)
    pixels = pixels.astype(np.uint8)
    x = torch.from_numpy((pixels.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 127.5)
    model = IResNet().train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0
    with torch.no_grad():
        for _ in range(80):
            model(x)
        model.eval()
        expected = model(x)
    example = {"pixels": pixels.reshape(-1).tolist(), "shape": pixels.shape, "embeddings": expected.reshape(-1).tolist()}
    for opset in (11, 13, 17, 20):
        for folded in (False, True):
            for batch in ("n", 1):
                name = os.path.join(folder, f"torch-opset{opset}{'-folded' if folded else ''}{'-single' if batch == 1 else ''}")
                torch.onnx.export(
                    model,
                    (x[:1],),
                    f"{name}.onnx",
                    opset_version=opset,
                    input_names=["input"],
                    output_names=["embedding"],
                    dynamic_axes=None if batch == 1 else {"input": {0: "n"}, "embedding": {0: "n"}},
                    dynamo=False,
                    # In training mode the exporter leaves batch norms alone.
                    training=torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE,
                    do_constant_folding=folded,
                )
                with open(f"{name}.json", "w") as file:
                    json.dump(example, file)
                print(name)


main(sys.argv[1])
