#!/usr/bin/env bash
# Holds recipes/*.yaml against the schemas of Kubernetes and of the MPI operator; says that it is skipped where they cannot be had.
#   bash tooling/mpi/check-manifests.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# The last version of each that was looked at.
schemas=kubernetes-validate==1.37.0
operator=github.com/kubeflow/mpi-operator@v0.7.0

skip() {
  echo "skipped: $1"
  exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v go >/dev/null || skip 'no go, which gets the definition of an MPIJob'
# -modcacherw: or else what is downloaded could not be removed.
GOPATH="$work/go" timeout 120 go mod download -modcacherw -json "$operator" >"$work/module.json" 2>"$work/log" ||
  skip "$operator cannot be downloaded"
module=$(node -p 'JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8")).Dir' "$work/module.json")
python3 -m venv "$work/python" 2>"$work/log" || skip 'no python3 with venv'
timeout 180 "$work/python/bin/pip" install --quiet --disable-pip-version-check "$schemas" 2>"$work/log" ||
  skip "$schemas cannot be installed"
"$work/python/bin/python" tooling/mpi/check-manifests.py "$module/manifests/base/kubeflow.org_mpijobs.yaml" recipes/*.yaml
