#!/usr/bin/env bash
# Builds the unmodified npm package @tensorflow/tfjs-node (or tfjs-node-gpu) against the libtensorflow inside a current
# TensorFlow wheel from PyPI, so that it runs on today's Node. See README.md beside this file.
#
#   bash tooling/tfjs-node/build.sh [--cuda] [--prefix DIRECTORY] [--tensorflow VERSION]
#
# Needs node, npm, g++, and a python3 with pip (TensorFlow itself is not installed). Installs nothing into the system
# or the repository; what is there already is left as it is.
set -euo pipefail

TFJS=4.22.0
tensorflow=2.21.0
package=tfjs-node
wheel=tensorflow-cpu
prefix=

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }
while [ $# -gt 0 ]; do
  case $1 in
    --cuda) package=tfjs-node-gpu wheel='tensorflow[and-cuda]' ;;
    --prefix) prefix=${2:?--prefix needs a directory} && shift ;;
    --tensorflow) tensorflow=${2:?--tensorflow needs a version} && shift ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
here=$(cd "$(dirname "$0")" && pwd)
prefix=${prefix:-${XDG_CACHE_HOME:-$HOME/.cache}/arcface/$package}

fail() { printf 'build.sh: %s\n' "$*" >&2 && exit 1; }
for tool in node npm g++ python3; do
  command -v "$tool" >/dev/null || fail "$tool is missing: install it and run this again"
done
python3 -m pip --version >/dev/null 2>&1 || fail 'python3 has no pip: install python3-pip and run this again'
[ "$(uname -s)" = Linux ] || fail 'written for Linux: elsewhere TensorFlow has no such wheels'

built="$package@$TFJS on TensorFlow $tensorflow"
if [ -e "$prefix" ]; then
  [ "$(cat "$prefix/built" 2>/dev/null)" = "$built" ] ||
    fail "$prefix holds something else: remove it, or choose another --prefix"
  printf '%s is in %s already\n' "$built" "$prefix"
  exec node "$here/check-gradients.cjs" "$prefix" "@tensorflow/$package"
fi

# Built beside the place and renamed into it: an interrupted build leaves nothing that looks finished.
mkdir -p "$(dirname "$prefix")"
work=$(mktemp -d "$prefix.XXXXXX")
trap 'rm -rf "$work"' EXIT

printf 'fetching @tensorflow/%s %s\n' "$package" "$TFJS"
printf '{ "private": true }\n' >"$work/package.json"
# Without its install script, which would fetch a libtensorflow of 2021.
npm install --prefix "$work" --ignore-scripts --no-audit --no-fund --no-save --loglevel=error \
  "@tensorflow/$package@$TFJS" node-api-headers

printf 'fetching %s %s\n' "$wheel" "$tensorflow"
# For a Python that TensorFlow has wheels for, whichever runs pip here: only the libraries in them are used.
download=(python3 -m pip download --quiet --disable-pip-version-check --only-binary=:all:
  --python-version 3.12 --implementation cp --dest "$work/wheels")
for glibc in 17 27 28; do download+=(--platform "manylinux_2_${glibc}_$(uname -m)"); done
download+=(--platform "manylinux2014_$(uname -m)")
[ "$package" = tfjs-node-gpu ] || download+=(--no-deps)
"${download[@]}" "$wheel==$tensorflow"

module="$work/node_modules/@tensorflow/$package"
python3 "$here/extract-libtensorflow.py" "$work/wheels" "$module/deps"
rm -rf "$work/wheels"

printf 'compiling the binding\n'
mkdir -p "$module/lib/napi-v8"
(
  cd "$module"
  g++ -std=c++17 -O2 -fPIC -shared -DNAPI_VERSION=8 -I. -Ideps/include \
    -I"$work/node_modules/node-api-headers/include" binding/*.cc -o lib/napi-v8/tfjs_binding.node \
    -Ldeps/lib -ltensorflow -ltensorflow_framework '-Wl,-rpath,$ORIGIN/../../deps/lib'
)
rm -rf "$module/deps/include"

node "$here/check-gradients.cjs" "$work" "@tensorflow/$package"
printf '%s\n' "$built" >"$work/built"
mv -T "$work" "$prefix"
trap - EXIT
printf '%s is in %s\n' "$built" "$prefix"
