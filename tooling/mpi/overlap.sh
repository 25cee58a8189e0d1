#!/usr/bin/env bash
# How much of the exchange of gradients is hidden behind the backward pass: two ranks with a thread each, by the timestamps of each bucket
# (sent, found done by the progress thread) and of the waits for it. Prints JSON lines, the command first; `hidden` is the share. A minute on
# two cores, five at most a line.
#   bash tooling/mpi/overlap.sh > tooling/mpi/results/overlap.jsonl
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v mpirun >/dev/null || { echo 'no mpirun: apt-get install openmpi-bin libopenmpi3' >&2; exit 1; }
[ -d node_modules ] || npx --yes pnpm install >&2
printf '{"command":"bash tooling/mpi/overlap.sh","node":"%s","cores":%d}\n' "$(node --version)" "$(nproc)"
for stages in 2 4 8; do
  timeout 300 mpirun --allow-run-as-root --bind-to none -n 2 node --import tsx tooling/mpi/measured-run.ts \
    "{\"network\":\"y1\",\"batchSize\":24,\"steps\":8,\"classes\":1000,\"stages\":$stages}" |
    node -e 'const { exchanges, ...run } = JSON.parse(require("node:fs").readFileSync(0)); console.log(JSON.stringify(run))'
done
