-- Schema 3: a measurement on other numbers of samples stands beside the first
-- instead of replacing it, and the one on the most samples counts.
DROP VIEW vs_published;
DROP VIEW leaderboard_means;
DROP VIEW leaderboard;
DROP VIEW run_summary;

CREATE TABLE measurements_3 (
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
               fingerprint, latent_source, generation, num_samples, attempt),
  FOREIGN KEY (run_id, attempt) REFERENCES attempts (run_id, attempt)
    ON DELETE CASCADE
) STRICT;
INSERT INTO measurements_3 SELECT * FROM measurements;
DROP TABLE measurements;
ALTER TABLE measurements_3 RENAME TO measurements;
CREATE INDEX measurements_by_name ON measurements (name);

CREATE VIEW run_summary AS
SELECT r.id, r.name, r.experiment, r.state, r.seed, r.config_hash,
  (SELECT name FROM run_plugins p
   WHERE p.run_id = r.id AND p.kind = 'dataset') AS dataset,
  (SELECT group_concat(name, ', ') FROM run_plugins p
   WHERE p.run_id = r.id AND p.kind = 'encoder') AS encoders,
  (SELECT name FROM run_plugins p
   WHERE p.run_id = r.id AND p.kind = 'fusion') AS fusion,
  (SELECT name FROM run_plugins p
   WHERE p.run_id = r.id AND p.kind = 'objective') AS objective,
  (SELECT name FROM run_plugins p
   WHERE p.run_id = r.id AND p.kind = 'prior') AS prior,
  (SELECT group_concat(name, ', ') FROM run_plugins p
   WHERE p.run_id = r.id AND p.kind = 'fitted_prior') AS fitted_priors,
  r.created, r.started, r.finished,
  (julianday(coalesce(r.finished, r.heartbeat)) - julianday(r.started))
    * 86400.0 AS seconds,
  (SELECT count(*) FROM attempts a WHERE a.run_id = r.id) AS num_attempts,
  (SELECT count(*) FROM measurements m WHERE m.run_id = r.id)
    AS num_measurements,
  (SELECT group_concat(tag, ', ') FROM run_tags t WHERE t.run_id = r.id)
    AS tags,
  r.note, r.error
FROM runs r
WHERE r.deleted IS NULL;

-- One row per run, name, source_subset, target_modality, split, protocol,
-- fingerprint, latent_source and generation: what was found on the most
-- samples, by the latest of such attempts.
CREATE VIEW leaderboard AS
SELECT m.run_id, r.name AS run, r.state, r.seed, r.config_hash,
  (SELECT name FROM run_plugins p
   WHERE p.run_id = r.id AND p.kind = 'dataset') AS dataset,
  (SELECT name FROM run_plugins p
   WHERE p.run_id = r.id AND p.kind = 'fusion') AS fusion,
  (SELECT name FROM run_plugins p
   WHERE p.run_id = r.id AND p.kind = 'objective') AS objective,
  (SELECT name FROM run_plugins p
   WHERE p.run_id = r.id AND p.kind = 'prior') AS prior,
  m.attempt, m.name, m.value, m.unit, m.direction, m.source_subset,
  m.target_modality, m.split, m.num_samples, m.spread, m.protocol,
  m.fingerprint, m.latent_source, m.generation, m.nfe, m.seconds, r.note
FROM measurements m JOIN runs r ON r.id = m.run_id
WHERE r.deleted IS NULL AND NOT EXISTS (
  SELECT 1 FROM measurements later
  WHERE later.run_id = m.run_id AND later.name = m.name
    AND later.source_subset = m.source_subset
    AND later.target_modality = m.target_modality
    AND later.split = m.split AND later.protocol = m.protocol
    AND later.fingerprint = m.fingerprint
    AND later.latent_source = m.latent_source
    AND later.generation = m.generation
    AND (later.num_samples > m.num_samples OR
         (later.num_samples = m.num_samples AND later.attempt > m.attempt)));

-- One row per run, name, split, protocol, fingerprint, latent_source and
-- generation: the mean over source subsets and target modalities. Where a
-- metric reported the mean itself (source_subset 'one', target_modality ''),
-- that row counts alone.
CREATE VIEW leaderboard_means AS
SELECT run_id, run, state, seed, config_hash, dataset, fusion, objective,
  prior, name, avg(value) AS value, count(*) AS num_measurements, unit,
  direction, split, protocol, fingerprint, latent_source, generation,
  max(nfe) AS nfe, max(seconds) AS seconds, note
FROM leaderboard l
WHERE (l.source_subset = 'one' OR NOT EXISTS (
    SELECT 1 FROM measurements o
    WHERE o.run_id = l.run_id AND o.name = l.name
      AND o.source_subset = 'one' AND o.split = l.split
      AND o.protocol = l.protocol AND o.fingerprint = l.fingerprint
      AND o.latent_source = l.latent_source
      AND o.generation = l.generation))
  AND (l.target_modality = '' OR NOT EXISTS (
    SELECT 1 FROM measurements o
    WHERE o.run_id = l.run_id AND o.name = l.name
      AND (o.source_subset = 'one' OR l.source_subset <> 'one')
      AND o.target_modality = '' AND o.split = l.split
      AND o.protocol = l.protocol AND o.fingerprint = l.fingerprint
      AND o.latent_source = l.latent_source
      AND o.generation = l.generation))
GROUP BY run_id, name, split, protocol, fingerprint, latent_source,
  generation;

-- Ours beside every published number of the same dataset and metric, on the
-- test split.
CREATE VIEW vs_published AS
SELECT o.run_id, o.run, o.dataset, o.name, o.direction, o.value,
  o.num_measurements, o.protocol, o.fingerprint, o.latent_source,
  o.generation, o.note, p.model AS published_model,
  p.value AS published_value, o.value - p.value AS difference,
  CASE o.direction WHEN 'higher' THEN o.value > p.value
                   WHEN 'lower' THEN o.value < p.value END AS is_better,
  p.paper, p.place, p.evidence, p.note AS published_note
FROM leaderboard_means o JOIN published p
  ON p.dataset = o.dataset AND p.measurement = o.name
WHERE o.split = 'test';
