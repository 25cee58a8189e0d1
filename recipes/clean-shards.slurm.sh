#!/usr/bin/env bash
#SBATCH --job-name=arcface-embed
#SBATCH --array=1-64
#SBATCH --cpus-per-task=4
#SBATCH --time=12:00:00
#SBATCH --output=%x-%A_%a.log
#SBATCH --requeue
#
# Embeds a dataset in shards, for step 2 of the main job; each task may be killed and repeated at any time. Then one job joins them:
#   shards=$(sbatch --parsable --export=ALL,DATA=...,MODEL=...,WORK=... recipes/clean-shards.slurm.sh)
#   sbatch --dependency=afterok:$shards --mem=64G --export=ALL --wrap \
#     'npx arcface drop merge --data "$DATA" --model "$MODEL" --work "$WORK" --output "$OUT"'
set -euo pipefail
: "${DATA:?}" "${MODEL:?}" "${WORK:?a folder that all tasks share}"

exec npx arcface drop --data "$DATA" --model "$MODEL" --work "$WORK" --output "$WORK.clean" \
  --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --threads "${SLURM_CPUS_PER_TASK:-1}"
