#!/usr/bin/env bash
# A run killed with SIGKILL in each stage and resumed ends with the same bits
# as one that was left alone. Usage: kill_and_resume.sh BUILD SOURCE
set -euo pipefail
shalab=$1/bin/shalab
config=$2/experiments/smoke/linear_gaussian.ini
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export SHALAB_DB=$work/shalab.db SHALAB_RUNS=$work/runs OMP_NUM_THREADS=1
settings=(run.threads=1 checkpoint.every_steps=25 checkpoint.keep=3
  train.epochs=20 fitted_prior.diffusion.epochs=60 evaluate.max_samples=100)

weights() { # of the newest checkpoint of a run
  sha256sum "runs/$1/checkpoints/$(ls "runs/$1/checkpoints" | tail -n 1)/model.safetensors" | cut -d' ' -f1
}

kill_at_stage() { # stage, command...: SIGKILL once a checkpoint of it is there
  local stage=$1
  shift
  "$shalab" -q "$@" >"$work/out" 2>"$work/err" &
  local pid=$!
  for _ in $(seq 6000); do
    if grep -qsE "\"stage\": ?$stage\b" runs/*/checkpoints/*/state.json &&
      [ "$(ls -d runs/*/checkpoints/*[0-9] | wc -l)" -gt 0 ]; then
      kill -KILL "$pid"
      wait "$pid" 2>/dev/null || true
      return
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  echo "no checkpoint of stage $stage to kill at" >&2
  cat "$work/err" >&2
  exit 1
}

kill_at_stage 0 run "$config" "${settings[@]}" run.name=killed
killed=$(ls runs)
echo "killed in the first stage: $killed"
kill_at_stage 2 resume "$killed"
echo "killed in the last fitted prior"
"$shalab" -q resume "$killed" >/dev/null
state=$("$shalab" sql --json "SELECT state FROM runs WHERE id = '$killed'")
case $state in *finished*) ;; *) echo "state is $state" >&2; exit 1 ;; esac

"$shalab" -q run "$config" "${settings[@]}" run.name=whole >/dev/null
whole=$(ls runs | grep -v "$killed")
echo "resumed $(weights "$killed")"
echo "whole   $(weights "$whole")"
[ "$(weights "$killed")" = "$(weights "$whole")" ]
