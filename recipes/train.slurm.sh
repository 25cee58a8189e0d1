#!/usr/bin/env bash
#SBATCH --job-name=arcface-train
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --output=%x-%j.log
#SBATCH --requeue
# Two minutes before the time is up, every rank is asked to stop after its step, with a checkpoint.
#SBATCH --signal=USR2@120
#
# Trains on the nodes of a Slurm allocation, one rank a node, and goes on where an earlier job stopped:
#   sbatch --export=ALL,DATA=/data/ms1m/train.rec,RUN=/runs/ms1m recipes/train.slurm.sh --network r50 --subcenters 3
# DATA must be readable on every node, and RUN writable on the first. What follows the script is handed to `arcface train`.
# Slurm starts the ranks by PMIx, which Open MPI speaks (`srun --mpi=list` says whether Slurm does; for MPICH: --mpi=pmi2).
set -euo pipefail
: "${DATA:?a train.rec, or what else arcface train takes}" "${RUN:?the run folder}"

srun --mpi="${SRUN_MPI:-pmix}" --kill-on-bad-exit=1 \
  npx arcface train --communicator mpi --data "$DATA" --output "$RUN" --resume \
  --threads "${SLURM_CPUS_PER_TASK:-1}" --checkpoint-every 500 "$@"
