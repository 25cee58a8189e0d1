#!/usr/bin/env bash
# Trains on WebGPU, in Node (Dawn) and in a headless Chromium, with Chromium's Vulkan driver in software, and compares with
# TensorFlow.js's plain backend. Installs Chromium by apt where it may, and npm packages into the user's cache. Prints
# "skipped" and why where it cannot.
set -uo pipefail
cd "$(dirname "$0")/../.."

skip() { printf 'skipped: %s\n' "$*" && exit 0; }
bash tooling/webgpu/install-chromium.sh
driver=/usr/lib/chromium/vk_swiftshader_icd.json
[ -x /usr/bin/chromium ] && [ -e "$driver" ] ||
  skip "no Chromium with its Vulkan driver in software ($driver), and none could be installed"

export ARCFACE_WEBGPU="${XDG_CACHE_HOME:-$HOME/.cache}/arcface/webgpu"
if ! [ -e "$ARCFACE_WEBGPU/installed" ]; then
  npm ping >/dev/null 2>&1 || skip 'the npm registry cannot be reached'
  mkdir -p "$ARCFACE_WEBGPU"
  printf '{ "private": true }\n' >"$ARCFACE_WEBGPU/package.json"
  npm install --prefix "$ARCFACE_WEBGPU" --ignore-scripts --no-audit --no-fund --no-save --loglevel=error \
    webgpu@0.6.2 @tensorflow/tfjs-backend-webgpu@4.22.0 @tensorflow/tfjs-core@4.22.0 playwright-core@1 || exit 1
  touch "$ARCFACE_WEBGPU/installed"
fi
VK_ICD_FILENAMES="$driver" npx --yes pnpm test apps/cli/src/backends/agreement.test.ts tooling/webgpu
