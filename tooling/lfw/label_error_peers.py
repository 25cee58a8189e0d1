"""General tools for wrong labels, on the same embeddings and the same noise: cleanlab, the nearest class mean, and k nearest neighbours.

Needs cleanlab, scikit-learn and numpy (pip install cleanlab). Reads a folder that `auto-cleaning-table.ts` wrote
(embeddings.f32, labels.i32, bad.u8, shape.json), prints one JSON object: the name of each tool to its precision, recall and F1,
and the share of good images that it drops.
"""
import json
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")


def found(drop, bad):
    hit = int((drop & bad).sum())
    return {
        "f1": 2 * hit / max(int(drop.sum() + bad.sum()), 1),
        "precision": hit / max(int(drop.sum()), 1),
        "recall": hit / max(int(bad.sum()), 1),
        "goodDropped": float((drop & ~bad).sum() / max(int((~bad).sum()), 1)),
    }


def logistic_regression(x, y, seed):
    """Out-of-fold class probabilities, five folds; rows are stretched to the scale that the regularisation was chosen for."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = LogisticRegression(C=0.01, max_iter=100)
    return cross_val_predict(model, x * np.sqrt(x.shape[1]), y, cv=folds, method="predict_proba")


def nearest_class_mean(x, y, classes, seed):
    """True where the nearest mean direction of the other four folds is another class's."""
    fold = np.random.default_rng(seed).permutation(len(y)) % 5
    drop = np.zeros(len(y), bool)
    for held in range(5):
        seen = fold != held
        means = np.zeros((classes, x.shape[1]))
        np.add.at(means, y[seen], x[seen])
        means /= np.linalg.norm(means, axis=1, keepdims=True) + 1e-9
        drop[~seen] = (x[~seen] @ means.T).argmax(1) != y[~seen]
    return drop


def nearest_neighbours(x, y, k=10):
    """True where most of the ten nearest neighbours, weighed by the cube of their cosine, have another label."""
    drop = np.zeros(len(y), bool)
    for start in range(0, len(y), 1000):
        cosines = x[start : start + 1000] @ x.T
        rows = np.arange(len(cosines))
        cosines[rows, start + rows] = -2
        nearest = np.argpartition(-cosines, k, 1)[:, :k]
        weight = np.clip(np.take_along_axis(cosines, nearest, 1), 0, 1) ** 3 + 1e-9
        same = y[nearest] == y[start + rows, None]
        drop[start : start + 1000] = (weight * same).sum(1) / weight.sum(1) < 0.5
    return drop


def main(folder, seed):
    shape = json.load(open(f"{folder}/shape.json"))
    x = np.fromfile(f"{folder}/embeddings.f32", "<f4").reshape(-1, shape["dimensions"])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    _, y = np.unique(np.fromfile(f"{folder}/labels.i32", "<i4"), return_inverse=True)
    bad = np.fromfile(f"{folder}/bad.u8", np.uint8).astype(bool)
    classes = int(y.max()) + 1
    result = {
        "class mean, 5 folds": found(nearest_class_mean(x, y, classes, seed), bad),
        "kNN 10": found(nearest_neighbours(x, y), bad),
    }
    if np.bincount(y).min() >= 5:  # else five folds cannot be stratified
        from cleanlab.filter import find_label_issues

        probabilities = logistic_regression(x, y, seed)
        for name, how in (("cleanlab", "prune_by_noise_rate"), ("cleanlab predicted", "predicted_neq_given")):
            result[name] = found(find_label_issues(y, probabilities, filter_by=how, n_jobs=1), bad)
    print(json.dumps(result))


main(sys.argv[1], int(sys.argv[2]))
