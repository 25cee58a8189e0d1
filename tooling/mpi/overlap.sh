#!/usr/bin/env bash
# How much of the exchange of gradients is hidden behind the backward pass: two ranks with a thread each, by the timestamps of each bucket
# (sent, found done by the progress thread) and of the waits for it. Prints JSON lines; `hidden` is the share. A minute on two cores.
#   bash tooling/mpi/overlap.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
for stages in 2 4 8; do
  mpirun --allow-run-as-root --bind-to none -n 2 node --import tsx tooling/mpi/measured-run.ts \
    "{\"network\":\"y1\",\"batchSize\":24,\"steps\":8,\"classes\":1000,\"stages\":$stages}" |
    node -e 'const { exchanges, ...run } = JSON.parse(require("node:fs").readFileSync(0)); console.log(JSON.stringify(run))'
done
