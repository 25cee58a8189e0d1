#!/usr/bin/env bash
# Builds tfjs-node (see build.sh; once, into the user's cache) and runs on it every test of the packages that can run on
# any backend. Prints "skipped" and why where it cannot be built.
set -uo pipefail
cd "$(dirname "$0")/../.."

skip() { printf 'skipped: %s\n' "$*" && exit 0; }
unset ARCFACE_TFJS_NODE
if [ ! -e "${XDG_CACHE_HOME:-$HOME/.cache}/arcface/tfjs-node" ]; then
  [ "$(uname -s)" = Linux ] || skip 'TensorFlow has no such wheels for this system'
  for tool in g++ python3; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
  python3 -m pip --disable-pip-version-check --timeout 10 --retries 1 index versions tensorflow-cpu >/dev/null 2>&1 ||
    skip 'PyPI cannot be reached, or has no tensorflow-cpu for this machine'
fi
bash tooling/tfjs-node/build.sh || exit 1

mapfile -t tests < <(grep -rlE "tooling/test-backends'|testing/(backend|gradient-check|tensorflow-agreement)\\.ts" packages/*/src --include='*.test.ts')
ARCFACE_TEST_BACKEND=node npx --yes pnpm test "${tests[@]}"
