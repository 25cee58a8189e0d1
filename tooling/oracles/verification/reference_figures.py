"""Works out the figures of verification and identification with InsightFace's own code, and with scikit-learn.

    python reference_figures.py FOLDER < cases.json > figures.json

FOLDER is `recognition` of a checkout of insightface. The functions are taken out of its files one by one: the files as a whole import MXNet and
what it takes to draw. A figure that the reference cannot work out (it divides by a fold's number of pairs of a kind, which may be none) is left
out of the mean over the folds, as it is by us. Its interpolation fails in today's SciPy where rates repeat; what an older SciPy did, a spline of
degree 1 through repeated knots, is put in its place.
"""
import ast
import contextlib
import heapq
import io
import json
import math
import os
import sys

import numpy as np
import sklearn
import sklearn.preprocessing
from scipy.interpolate import BSpline
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import KFold


class interpolate:
    @staticmethod
    def interp1d(x, y, kind):
        assert kind == "slinear"
        return BSpline(np.r_[x[0], x, x[-1]], y, 1)


def functions_of(path):
    with open(path) as file:
        tree = ast.parse(file.read())
    tree.body = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    names = dict(np=np, sklearn=sklearn, KFold=KFold, interpolate=interpolate, math=math, heapq=heapq)
    exec(compile(tree, path, "exec"), names)
    return names


def rows(values, dimensions):
    return np.asarray(values, dtype=np.float32).reshape(-1, dimensions)


def verification(code, case):
    embeddings = sklearn.preprocessing.normalize(rows(case["embeddings"], case["dimensions"]).astype(np.float64))
    is_same = np.asarray(case["isSame"], dtype=bool)
    undivided = code["calculate_val_far"]

    def calculate_val_far(threshold, dist, actual):
        try:
            return undivided(threshold, dist, actual)
        except ZeroDivisionError:
            same, different = np.sum(actual), np.sum(~actual)
            accepted = np.less(dist, threshold)
            return (
                np.sum(accepted & actual) / same if same else math.nan,
                np.sum(accepted & ~actual) / different if different else math.nan,
            )

    code["calculate_val_far"] = calculate_val_far
    first, second = embeddings[0::2], embeddings[1::2]
    folds = case["folds"]
    tpr, fpr, accuracy = code["calculate_roc"](np.arange(0, 4, 0.01), first, second, is_same, nrof_folds=folds)
    with np.errstate(all="ignore"):
        vals = [
            value
            for value in fold_values(code, np.arange(0, 4, 0.001), first, second, is_same, case["farTarget"], folds)
        ]
    code["calculate_val_far"] = undivided
    dist = np.sum(np.square(first - second), 1)
    fpr_all, tpr_all, _ = roc_curve(is_same, -dist, drop_intermediate=False)
    val, far = np.array(vals).T
    val, far = val[~np.isnan(val)], far[~np.isnan(far)]
    return {
        "accuracy": np.mean(accuracy),
        "accuracyStd": np.std(accuracy),
        "truePositiveRate": tpr.tolist(),
        "falsePositiveRate": fpr.tolist(),
        "val": np.mean(val),
        "valStd": np.std(val),
        "far": np.mean(far),
        "auc": roc_auc_score(is_same, -dist),
        "tar": [np.max(tpr_all[fpr_all <= rate]) for rate in case["fars"]],
    }


def fold_values(code, thresholds, first, second, is_same, target, folds):
    """`calculate_val` gives means only, which are no numbers where one fold has none: the folds are watched as it asks for them."""
    asked = []
    watched = code["calculate_val_far"]

    def watching(threshold, dist, actual):
        asked.append((float(threshold), len(dist), watched(threshold, dist, actual)))
        return asked[-1][2]

    code["calculate_val_far"] = watching
    code["calculate_val"](thresholds, first, second, is_same, target, nrof_folds=folds)
    code["calculate_val_far"] = watched
    # In each fold all thresholds on the training pairs, then the chosen one on the others.
    return [asked[i][2] for i in range(len(thresholds), len(asked), len(thresholds) + 1)]


def templates(code, case):
    images = rows(case["embeddings"], case["dimensions"])
    if not case["weightByNorm"]:
        images = images / np.sqrt(np.sum(images**2, -1, keepdims=True))
    of_image, media = np.array(case["templates"]), np.array(case["media"])
    features, unique, _ = code["image2template_feature"](images, of_image, media, of_image, of_image)
    first, second = np.array(case["pairs"]).T
    return {"cosines": code["verification"](features, unique, first, second).tolist()}


def identification(code, case):
    gallery, probes = (
        sklearn.preprocessing.normalize(rows(case[name], case["dimensions"]).astype(np.float64)) for name in ("gallery", "probes")
    )
    labels = np.array(case["labels"])
    mated = labels >= 0
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code["evaluation"](probes[mated], gallery, labels[mated])
    said = dict(line.split(" = ") for line in printed.getvalue().splitlines() if line.startswith("top"))
    similarity = probes @ gallery.T
    best, right = similarity.max(1), similarity.argmax(1) == labels
    # IJB-C: the lowest threshold above which no larger share of the probes of nobody is named.
    strangers = best[~mated]
    thresholds = [min(t for t in (-1, *strangers) if np.mean(strangers > t) <= rate) for rate in case["fpirs"]]
    return {
        "ranks": [float(said[f"top{rank}"]) for rank in case["ranks"]],
        "tpir": [float(np.mean(right[mated] & (best[mated] > t))) for t in thresholds],
    }


def main():
    folder = sys.argv[1]
    pairs = functions_of(os.path.join(folder, "subcenter_arcface/common/verification.py"))
    ijb = functions_of(os.path.join(folder, "_evaluation_/ijb/ijb_1n.py"))
    cases = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):  # The reference prints while it works.
        figures = {
            "verification": [verification(pairs, case) for case in cases["verification"]],
            "templates": [templates(ijb, case) for case in cases["templates"]],
            "identification": [identification(ijb, case) for case in cases["identification"]],
        }
    json.dump(figures, sys.stdout, default=float)


main()
