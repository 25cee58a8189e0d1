#!/usr/bin/env bash
# What the simulation is calibrated and checked with, as JSON lines: the cost of an exchange, steps of one process with several
# batches, of two at once, of one to four ranks, and of the head. On an idle machine with two cores, two minutes.
#   bash tooling/mpi/measure.sh > tooling/mpi/results/measured.jsonl
set -euo pipefail
cd "$(dirname "$0")/../.."
# Unbound: a process that is bound to one core has its other threads there as well.
ranks() { mpirun --allow-run-as-root --oversubscribe --bind-to none -n "$1" node --import tsx "${@:2}"; }
run() { printf '{"network":"y1","batchSize":%d,"steps":%d,"classes":1000}' "$1" "$2"; }
labelled() { sed "s/^{/{\"what\":\"$1\",/"; }

ranks 2 tooling/mpi/link-cost.ts | labelled link
for batch in 6 12 24; do node --import tsx tooling/mpi/measured-run.ts "$(run "$batch" 8)" | labelled alone; done
node --import tsx tooling/mpi/measured-run.ts "$(run 12 14)" | labelled 'two at once' &
node --import tsx tooling/mpi/measured-run.ts "$(run 12 14)" >/dev/null
wait
for n in 1 2 3 4; do ranks "$n" tooling/mpi/measured-run.ts "$(run 24 8)" | labelled ranks; done
node --import tsx tooling/mpi/head-cost.ts '{"classes":10000,"batches":[64,256],"threads":2}' | labelled head
