#!/usr/bin/env bash
# Makes sample/audit.jsonl: trains a small network on drawn people who are not in the sample, and audits the sample with it by the
# automatic rule. Takes some minutes; run it when the drawn faces change. Prints how well the audit does against the truth.
set -euo pipefail
cd "$(dirname "$0")/.."
work=${1:-$(mktemp -d)}
arcface() { npx tsx ../cli/src/main.ts "$@"; }

npx tsx sample/draw-faces.ts others "$work/others"
arcface train --data "$work/others/data" --output "$work/run" --network r8-narrow --embedding-size 64 --input-size 32 \
  --dropout .3 --subcenters 1 --margin .4 --scale 16 --epochs 14 --batch-size 32 --lr .02 --schedule cosine --nesterov \
  --warmup-epochs .7 --margin-warmup-epochs 5 --shift 2 --color .2 --checkpoint-every 100000 --seed 0
# Without the centres of the other people.
arcface model export "$work/run" --format onnx --output "$work/face.onnx"
npx tsx sample/draw-faces.ts sample "$work/sample"
arcface audit --data "$work/sample/data" --model "$work/face.onnx" --rule auto --k 3 --output "$work/audit.jsonl" \
  --truth "$work/sample/data/truth.csv" --seed 0
cp "$work/audit.jsonl" sample/audit.jsonl
