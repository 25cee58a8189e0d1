#!/usr/bin/env bash
# Makes the Python environments that the oracles need, in a folder, and prints the variables that name them:
#     eval "$(bash tooling/oracles/python-environments.sh /tmp/oracles mxnet torch)"
# PYTHON names the interpreter to make them with (3.8 to 3.11; default python3). What cannot be installed is left out.
set -uo pipefail
folder=${1:?usage: python-environments.sh FOLDER mxnet|torch...}
shift
python=${PYTHON:-python3}

# name, variable, packages
environment() {
  local home=$folder/$1 variable=$2
  shift 2
  if { "$python" -m venv "$home" && "$home/bin/pip" install --quiet "$@"; } >&2; then
    echo "export $variable=$home/bin/python"
  else
    echo "$variable is not set: could not install $*" >&2
  fi
}

for name in "$@"; do
  case $name in
  mxnet) environment mxnet ARCFACE_MXNET_PYTHON mxnet==1.9.1 'numpy<1.24' easydict scikit-learn ;;
  torch) environment torch ARCFACE_TORCH_PYTHON torch safetensors numpy ;;
  *) echo "there is no environment $name; there are mxnet and torch" >&2 && exit 2 ;;
  esac
done
