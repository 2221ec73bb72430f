-- Schema 1: the tables. docs/results_schema.md explains each column.
-- Times are UTC text with milliseconds, "2026-08-01T12:43:49.123Z".

CREATE TABLE runs (
  id TEXT PRIMARY KEY CHECK (length(id) = 32),
  name TEXT NOT NULL,
  experiment TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN
    ('queued', 'running', 'finished', 'failed', 'killed', 'preempted',
     'stale')),
  seed INTEGER NOT NULL DEFAULT 0,
  config_hash TEXT NOT NULL DEFAULT '',
  created TEXT NOT NULL,
  started TEXT,
  finished TEXT,
  error TEXT NOT NULL DEFAULT '',
  host TEXT NOT NULL DEFAULT '',
  pid INTEGER NOT NULL DEFAULT 0,
  process_start INTEGER NOT NULL DEFAULT 0,
  boot_id TEXT NOT NULL DEFAULT '',
  heartbeat TEXT,
  note TEXT NOT NULL DEFAULT '',
  deleted TEXT
) STRICT;
CREATE INDEX runs_by_name ON runs (name);
CREATE INDEX runs_by_config ON runs (config_hash);
CREATE INDEX runs_by_state ON runs (state);

CREATE TABLE attempts (
  run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  state TEXT NOT NULL DEFAULT 'running' CHECK (state IN
    ('queued', 'running', 'finished', 'failed', 'killed', 'preempted',
     'stale')),
  started TEXT NOT NULL,
  finished TEXT,
  exit_code INTEGER,
  error TEXT NOT NULL DEFAULT '',
  resumed_stage TEXT,
  resumed_from INTEGER,
  host TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (run_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE config_values (
  run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  origin TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX config_values_by_key ON config_values (key, value);

CREATE TABLE run_plugins (
  run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  revision INTEGER NOT NULL DEFAULT 0,
  file_digest TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (run_id, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_tags (
  run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  tag TEXT NOT NULL,
  PRIMARY KEY (run_id, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE measurements (
  run_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  name TEXT NOT NULL,
  value REAL NOT NULL,
  unit TEXT NOT NULL DEFAULT '',
  direction TEXT NOT NULL DEFAULT 'none'
    CHECK (direction IN ('higher', 'lower', 'none')),
  source_subset TEXT NOT NULL DEFAULT '',
  target_modality TEXT NOT NULL DEFAULT '',
  split TEXT NOT NULL DEFAULT '',
  num_samples INTEGER NOT NULL DEFAULT 0 CHECK (num_samples >= 0),
  spread REAL NOT NULL DEFAULT 0,
  protocol TEXT NOT NULL DEFAULT '',
  fingerprint TEXT NOT NULL DEFAULT '',
  latent_source TEXT NOT NULL DEFAULT '',
  generation TEXT NOT NULL DEFAULT '',
  nfe INTEGER NOT NULL DEFAULT 0,
  seconds REAL NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, name, source_subset, target_modality, split, protocol,
               fingerprint, latent_source, generation, attempt),
  FOREIGN KEY (run_id, attempt) REFERENCES attempts (run_id, attempt)
    ON DELETE CASCADE
) STRICT;
CREATE INDEX measurements_by_name ON measurements (name);

CREATE TABLE curves (
  run_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  stage TEXT NOT NULL,
  step INTEGER NOT NULL,
  name TEXT NOT NULL,
  value REAL,
  PRIMARY KEY (run_id, attempt, stage, name, step),
  FOREIGN KEY (run_id, attempt) REFERENCES attempts (run_id, attempt)
    ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE artifacts (
  run_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  kind TEXT NOT NULL,
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL DEFAULT '',
  bytes INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0),
  PRIMARY KEY (run_id, attempt, path),
  FOREIGN KEY (run_id, attempt) REFERENCES attempts (run_id, attempt)
    ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE sweeps (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  file TEXT NOT NULL DEFAULT '',
  created TEXT NOT NULL,
  note TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE sweep_jobs (
  sweep_id TEXT NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE,
  job INTEGER NOT NULL CHECK (job >= 0),
  overrides TEXT NOT NULL DEFAULT '',
  config_hash TEXT NOT NULL DEFAULT '',
  seed INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN
    ('queued', 'running', 'finished', 'failed', 'killed', 'preempted',
     'stale')),
  run_id TEXT REFERENCES runs (id) ON DELETE SET NULL,
  exit_code INTEGER,
  PRIMARY KEY (sweep_id, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE published (
  paper TEXT NOT NULL,
  place TEXT NOT NULL,
  dataset TEXT NOT NULL,
  model TEXT NOT NULL,
  metric TEXT NOT NULL,
  measurement TEXT NOT NULL,
  value REAL NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('higher', 'lower', 'none')),
  evidence TEXT NOT NULL DEFAULT '',
  note TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (paper, place, dataset, model, metric, value, note)
) STRICT;
