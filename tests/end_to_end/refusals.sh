#!/usr/bin/env bash
# What a user can get wrong: one message, the documented exit code, nothing
# trained. Usage: refusals.sh BUILD SOURCE
set -uo pipefail
shalab=$1/bin/shalab
smoke=$2/experiments/smoke/linear_gaussian.ini
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export SHALAB_DB=$work/shalab.db SHALAB_RUNS=$work/runs OMP_NUM_THREADS=1
failures=0

refused() { # exit code, part of the message, command...
  local code=$1 words=$2
  shift 2
  local said
  said=$(timeout 60 "$shalab" -q "$@" 2>&1 >/dev/null)
  local got=$?
  if [ "$got" != "$code" ] || ! grep -qF -- "$words" <<<"$said"; then
    printf 'FAILED %s\n  exit %s, expected %s; message lacks "%s":\n%s\n' \
      "$*" "$got" "$code" "$words" "$said"
    failures=$((failures + 1))
  fi
}

refused 2 "epochs" run "$smoke" train.epocs=3
refused 2 "must be" run "$smoke" train.epochs=many
refused 2 "at least" run "$smoke" train.batch_size=0
refused 2 "nan" run "$smoke" train.learning_rate=nan
refused 2 "concat" run "$smoke" fusion.plugin=concta
refused 2 "fusion" run "$smoke" objective.plugin=concat
refused 2 "metric" run "$smoke" +metrik.coherence
refused 2 "diffusion" run "$smoke" prior.plugin=diffusion
refused 2 "missing.rate" run "$smoke" missing.rate=0.3
refused 2 "log_var" run "$smoke" latent.private=2 latent.private_family=laplace
refused 2 "x0" run "$smoke" +encoder.xO.features=8
refused 2 "missing.ini" run missing.ini
refused 2 "RUN" resume
refused 2 "no run" resume deadbeef
refused 4 "hint" run "$2/experiments/reproduce/table2/shala_plus.ini" \
  dataset.backgrounds=not_there.jpg
refused 2 "nobody" run "$smoke" train.max_steps=1 \
  objective.plugin=elbo evaluate.latent_sources=nobody

printf 'not a database, only text that is long enough to be one\n%.0s' {1..40} >other.db
refused 5 "other.db" --db other.db run "$smoke"

[ -z "$(ls -d runs/*/checkpoints 2>/dev/null)" ] ||
  { echo "a refused run was trained"; failures=$((failures + 1)); }
refused 1 "not finite in step" run "$smoke" run.name=diverging \
  train.learning_rate=1e18 train.clip_norm=0 checkpoint.every_steps=1
state=$("$shalab" sql --format csv \
  "SELECT state FROM run_summary WHERE name = 'diverging'")
grep -q failed <<<"$state" ||
  { echo "a diverging run is not recorded as failed: $state"; failures=$((failures + 1)); }
[ -n "$(ls runs/*/checkpoints 2>/dev/null)" ] ||
  { echo "the checkpoint of a diverging run is gone"; failures=$((failures + 1)); }
[ "$failures" = 0 ] && echo "all refused as documented"
exit "$failures"
