-- Schema 2: the public views. Their names and columns are a contract
-- (docs/results_schema.md); columns are only ever added at the end.

-- The points that count: an attempt that resumed at (stage, step) supersedes
-- what older attempts recorded after that point; a stage that it ran from the
-- start it supersedes whole.
CREATE VIEW curve_points AS
SELECT p.run_id, p.attempt, p.stage, p.step, p.name, p.value
FROM curves p
WHERE NOT EXISTS (
  SELECT 1 FROM attempts later
  WHERE later.run_id = p.run_id AND later.attempt > p.attempt
    AND CASE WHEN later.resumed_stage = p.stage
        THEN p.step > later.resumed_from
        ELSE EXISTS (SELECT 1 FROM curves again
                     WHERE again.run_id = p.run_id
                       AND again.attempt = later.attempt
                       AND again.stage = p.stage)
        END);

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
-- fingerprint, latent_source and generation: what the latest attempt that
-- measured it found.
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
    AND later.generation = m.generation AND later.attempt > m.attempt);

CREATE VIEW run_config AS
SELECT c.run_id, r.name AS run, c.key, c.value, c.origin
FROM config_values c JOIN runs r ON r.id = c.run_id
WHERE r.deleted IS NULL;

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
