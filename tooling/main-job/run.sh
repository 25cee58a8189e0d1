#!/usr/bin/env bash
# The main job as a user types it, on a small set of drawn faces: train, drop, train again, verify. A check that the commands
# fit each other; the networks are too small and too briefly trained to say anything about faces.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
arcface() { npx tsx apps/cli/src/main.ts "$@"; }
network=(--network r8-narrow --input-size 32 --embedding-size 64 --margin .3 --scale 16)
training=(--lr .02 --schedule cosine --warmup-epochs .5 --nesterov --batch-size 64 --epochs 6)

arcface demo --output "$work/demo" --identities 30 --images-per-identity 12 --epochs 1
arcface train --data "$work/demo/data/train.rec" --output "$work/noisy" --subcenters 3 "${network[@]}" "${training[@]}"
arcface drop --data "$work/demo/data/train.rec" --model "$work/noisy" --threshold 75 --k 3 --output "$work/clean" --json |
  tee "$work/drop.json"
arcface train --data "$work/clean" --output "$work/final" --subcenters 1 "${network[@]}" "${training[@]}"
arcface verify --model "$work/final" --pairs "$work/demo/held-out-pairs.txt" --images "$work/demo/held-out" --json |
  tee "$work/verify.json"

node - "$work/drop.json" "$work/verify.json" "$work/clean/audit.jsonl" <<'JS'
const { readFileSync } = require('node:fs');
const [drop, verify] = process.argv.slice(2, 4).map((file) => JSON.parse(readFileSync(file, 'utf8')));
const rows = readFileSync(process.argv[4], 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const kept = rows.filter(({ decision }) => decision !== 'drop').length;
const faults = [
  drop.kept + drop.dropped === drop.images || 'kept and dropped do not add up',
  rows.length === drop.images || 'the audit does not have a row for every image',
  kept === drop.kept || 'the audit keeps another number of images than was written',
  verify.accuracy > 0.5 || `accuracy ${verify.accuracy} is no better than guessing`,
].filter((fault) => fault !== true);
for (const fault of faults) console.error(`main job: ${fault}`);
process.exit(faults.length > 0 ? 1 : 0);
JS
