#!/bin/bash
# What foveate does on this machine's NVIDIA card: tests, trainings, speeds. One JSON, one table, within nine
# minutes (two with --quick). Works on a bare machine: where nothing can be installed, with the python3 it has.
#
#   tools/gpu_check.sh [--quick] [--dry-run] [--data DIR] [--out DIR] [--stages NAME...]
#
# --data: what `python benchmarks/gpu_data.py pack DIR --cifar CIFAR10_JPEG` filled; .gpu-data by default.
# --dry-run: the same code on the processor with tiny sizes.
set -u
cd "$(dirname "$0")/.." || exit 2
data=.gpu-data out=${OUT:-runs/gpu} dry= rest=()
while [ $# -gt 0 ]; do
  case $1 in
    --data) data=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --dry-run) dry=1; rest+=("$1"); shift ;;
    *) rest+=("$1"); shift ;;
  esac
done
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python=${PYTHON:-python3}
if ! "$python" -c 'import torch' 2>/dev/null; then
  "$python" -m venv "$work/venv" &&
    timeout 240 "$work/venv/bin/pip" install --quiet --disable-pip-version-check '.[train]' pytest &&
    python=$work/venv/bin/python
fi
# The packages of pure Python come last: what the machine has goes before.
export PYTHONPATH="$PWD/src:$PWD${PYTHONPATH:+:$PYTHONPATH}"
if [ -d "$data/lib" ]; then
  site=$work/site
  mkdir -p "$site"
  echo "import sys; sys.path.append('$(cd "$data/lib" && pwd)')" > "$site/sitecustomize.py"
  export PYTHONPATH="$PYTHONPATH:$site"
fi
if [ -d "$data" ]; then
  "$python" benchmarks/gpu_data.py unpack "$data" "$work" && export FOVEATE_CACHE="$work/cache"
elif [ -z "$dry" ]; then
  echo "no data in $data: \`python benchmarks/gpu_data.py pack $data --cifar CIFAR10_JPEG\` fills it" >&2
fi
"$python" benchmarks/gpu.py --out "$out" --work "$work" "${rest[@]}"
