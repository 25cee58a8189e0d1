#!/usr/bin/env bash
# What the simulation is calibrated and checked with, as JSON lines: the cost of an exchange, steps of one process with several
# batches, of two at once, of one to four ranks, each with the backward pass in one piece and in four stages, and of the head. On an idle
# machine with two cores four minutes; none of its runs may take more than five. Needs Open MPI (apt-get install openmpi-bin libopenmpi3).
#   bash tooling/mpi/measure.sh > tooling/mpi/results/measured.jsonl
# `npx tsx tooling/mpi/scaling.ts` then prints the tables of docs/scaling.md, and `npx pnpm test tooling/mpi` holds the simulation to it.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v mpirun >/dev/null || { echo 'no mpirun: apt-get install openmpi-bin libopenmpi3' >&2; exit 1; }
[ -d node_modules ] || npx --yes pnpm install >&2

STAGES=4
alone() { timeout 300 node --import tsx "$@"; }
# Unbound: a process that is bound to one core has its other threads there as well.
ranks() { timeout 300 mpirun --allow-run-as-root --oversubscribe --bind-to none -n "$1" node --import tsx "${@:2}"; }
run() { printf '{"network":"y1","batchSize":%d,"steps":%d,"classes":1000}' "$1" "$2"; }
staged() { printf '{"network":"y1","batchSize":%d,"steps":%d,"classes":1000,"stages":%d}' "$1" "$2" "$STAGES"; }
labelled() { sed "s/^{/{\"what\":\"$1\",/"; }

printf '{"what":"command","command":"bash tooling/mpi/measure.sh","node":"%s","cores":%d}\n' "$(node --version)" "$(nproc)"
ranks 2 tooling/mpi/link-cost.ts | labelled link
for batch in 6 12 24; do alone tooling/mpi/measured-run.ts "$(run "$batch" 8)" | labelled alone; done
for batch in 6 12 24; do alone tooling/mpi/measured-run.ts "$(staged "$batch" 8)" | labelled alone; done
alone tooling/mpi/measured-run.ts "$(run 12 14)" | labelled 'two at once' &
alone tooling/mpi/measured-run.ts "$(run 12 14)" >/dev/null
wait
for n in 1 2 3 4; do ranks "$n" tooling/mpi/measured-run.ts "$(run 24 8)" | labelled ranks; done
for n in 1 2 3 4; do ranks "$n" tooling/mpi/measured-run.ts "$(staged 24 8)" | labelled ranks; done
alone tooling/mpi/head-cost.ts '{"classes":10000,"batches":[64,256],"threads":2}' | labelled head
