#!/usr/bin/env bash
# A run on two CPU processes: killed and resumed to the same bits, stopped by
# signals with a checkpoint, ended by the loss of a process, refused where it
# cannot be. Usage: several_devices.sh BUILD SOURCE
set -euo pipefail
shalab=$1/bin/shalab
config=$2/experiments/smoke/linear_gaussian.ini
if [ ! -e "$1/lib/libshalab_mpi.so" ]; then
  said=$("$shalab" -q --db "$(mktemp -u)" run "$config" --devices cpu,cpu 2>&1) &&
    { echo "two devices without MPI were not refused"; exit 1; }
  grep -q mpich <<<"$said" || { echo "the refusal lacks the cure: $said"; exit 1; }
  echo "SKIPPED: no MPICH when this was built"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export SHALAB_DB=$work/shalab.db SHALAB_RUNS=$work/runs OMP_NUM_THREADS=1
settings=(run.threads=1 checkpoint.every_steps=25 checkpoint.keep=3
  train.epochs=8 fitted_prior.diffusion.epochs=20 evaluate.max_samples=100)
devices=(--devices cpu,cpu)

fail() {
  printf '%s\n' "$@" >&2
  cat "$work/err" >&2
  exit 1
}

weights() { # of the newest checkpoint of a run
  sha256sum "runs/$1/checkpoints/$(ls "runs/$1/checkpoints" | tail -n 1)/model.safetensors" | cut -d' ' -f1
}

value() { # column of a run
  "$shalab" sql --format csv "SELECT $2 FROM runs WHERE id = '$1'" | tail -n 1
}

run_of() { "$shalab" sql --format csv "SELECT id FROM runs WHERE name = '$1'" | tail -n 1; }

wait_for_stage() { # stage, pid: until a new checkpoint of that stage is there
  for _ in $(seq 6000); do
    ! find runs -name state.json -newer begin -exec grep -lE "\"stage\": ?$1\b" {} + 2>/dev/null |
      grep -q . || return 0
    kill -0 "$2" 2>/dev/null || break
    sleep 0.05
  done
  fail "no checkpoint of stage $1"
}

rank() { # launcher, number: the process of that rank
  local level=$1
  while [ -n "$level" ]; do
    for process in $level; do
      ! grep -qsxz "PMI_RANK=$2" "/proc/$process/environ" || { echo "$process"; return; }
    done
    level=$(pgrep -P "$(tr '\n ' ',,' <<<"$level" | sed 's/,*$//')" || true)
  done
  fail "no process of rank $2"
}

start() { # command...: in the background, stage to wait for first
  local stage=$1
  shift
  touch begin
  "$shalab" -q "$@" "${devices[@]}" >"$work/out" 2>"$work/err" &
  pid=$!
  wait_for_stage "$stage" "$pid"
  lead=$(rank "$pid" 0)
  other=$(rank "$pid" 1)
}

ended() { # code expected; no process may be left
  local code=0
  wait "$pid" || code=$?
  [ "$code" = "$1" ] || fail "exit code $code, not $1"
  for rank in $lead $other; do
    ! kill -0 "$rank" 2>/dev/null || fail "process $rank goes on"
  done
}

"$shalab" -q run "$config" "${settings[@]}" run.name=whole "${devices[@]}" >"$work/out" 2>"$work/err" ||
  fail "the whole run failed"
whole=$(run_of whole)
grep -q "run $whole" "$work/out" && [ "$(grep -c '^run ' "$work/out")" = 1 ] || fail "stdout is not rank 0's"
[ "$("$shalab" sql --format csv "SELECT value FROM run_config WHERE run_id = '$whole' AND key = 'run.devices'" | tail -n 1)" = 2 ] ||
  fail "the number of devices is not recorded"

start 0 run "$config" "${settings[@]}" run.name=stopped
stopped=$(run_of stopped)
kill -TERM "$pid"
ended 143
[ "$(value "$stopped" state)" = killed ] || fail "state $(value "$stopped" state)"
echo "SIGTERM in the first stage: stopped after a checkpoint"

start 1 resume "$stopped"
kill -KILL "$other"
ended 1
[ "$(value "$stopped" state)" = failed ] || fail "state $(value "$stopped" state)"
grep -q "ended before its time" "$work/err" || fail "no word about it"
echo "SIGKILL of rank 1: all end, the run failed"

"$shalab" -q resume "$stopped" "${devices[@]}" >"$work/out" 2>"$work/err" || fail "resume failed"
[ "$(weights "$stopped")" = "$(weights "$whole")" ] || fail "resumed and whole run differ"
echo "resumed: the same bits"

start 0 run "$config" "${settings[@]}" run.name=lead
kill -KILL "$lead"
ended 1
[ "$(value "$(run_of lead)" state)" = failed ] || fail "state of the run without rank 0"
echo "SIGKILL of rank 0: all end, the run failed"

start 0 run "$config" "${settings[@]}" run.name=launcher
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
for _ in $(seq 600); do
  kill -0 "$lead" "$other" 2>/dev/null || break
  sleep 0.05
done
for rank in $lead $other; do
  ! kill -0 "$rank" 2>/dev/null || fail "process $rank goes on without its launcher"
done
echo "SIGKILL of the launching program: all end"

refused() { # code, words, command...
  local code=0
  "$shalab" -q "${@:3}" >"$work/out" 2>"$work/err" || code=$?
  [ "$code" = "$1" ] && grep -qF -- "$2" "$work/err" || fail "${*:3}: exit $code"
}
refused 2 "equal parts" run "$config" train.batch_size=33 "${devices[@]}"
refused 2 "cuda:0 stands twice" run "$config" --devices cuda:0,cuda:0
refused 2 "together" run "$config" --devices cpu,cuda:0
refused 2 "unknown device 'gpu'" run "$config" --devices gpu,gpu
refused 6 "as many" resume "$whole" --devices cpu,cpu,cpu
echo "all refused as documented"
