#include "results/run_store.h"

#include <cmath>
#include <limits>

#include "fixture.h"
#include "results/liveness.h"
#include "results/spool.h"

namespace shalab {
namespace run_store_test {

TEST(RunStore, TheRowExistsBeforeTheFirstAttempt) {
  const Folder folder;
  RunStore store(ResultsDb::open(folder / "a.db"), folder / "runs");
  const std::string id = store.create_run(a_run("shala", 7, "h1"));
  const ResultsDb db = ResultsDb::open_read_only(folder / "a.db");
  EXPECT_EQ(words(db, "SELECT id || state || seed || config_hash FROM runs"),
            id + "queued7h1");
  EXPECT_EQ(words(db,
                  "SELECT origin FROM run_config WHERE key = "
                  "'train.epochs'"),
            "shala.ini:3");
  EXPECT_EQ(words(db,
                  "SELECT dataset || fusion || objective || prior || "
                  "fitted_priors FROM run_summary"),
            "poly_mnistconcatelbostandard_normaldiffusion");
}

TEST(RunStore, AnAttemptRecordsItsProcessAndItsEnd) {
  const Folder folder;
  RunStore store(ResultsDb::open(folder / "a.db"));
  const std::string id = store.create_run(a_run("shala"));
  EXPECT_EQ(store.begin_attempt(id), 1);
  EXPECT_EQ(number(store.db(), "SELECT pid FROM runs"), ::getpid());
  EXPECT_EQ(judge_running_runs(store.db()).at(0).verdict.liveness,
            Liveness::alive);
  EXPECT_TRUE(store.heartbeat(id));
  store.finish(id, 1, RunState::failed, 1, "loss is not finite");
  EXPECT_FALSE(store.heartbeat(id));
  EXPECT_EQ(words(store.db(),
                  "SELECT r.state || a.state || a.exit_code || a.error FROM "
                  "runs r JOIN attempts a ON a.run_id = r.id"),
            "failedfailed1loss is not finite");
  EXPECT_EQ(store.begin_attempt(id, ResumePoint{"train", 40}), 2);
  EXPECT_EQ(words(store.db(), "SELECT state || error FROM runs"), "running");
  EXPECT_EQ(number(store.db(),
                   "SELECT resumed_from FROM attempts WHERE "
                   "attempt = 2"),
            40);
}

TEST(RunStore, RefusesWhatHasNoPlace) {
  const Folder folder;
  RunStore store(ResultsDb::open(folder / "a.db"));
  const std::string id = store.create_run(a_run("shala"));
  RunRecord again = a_run("again");
  again.id = id;
  EXPECT_NE(error_of([&] { store.create_run(again); }).find("exists already"),
            std::string::npos);
  EXPECT_NE(error_of([&] { store.begin_attempt("nope"); }).find("no run nope"),
            std::string::npos);
  EXPECT_THROW(store.add_measurements(id, 1, {a_measurement("a", 1.0)}),
               DatabaseRefusal);
  Measurement bad = a_measurement("a", std::numeric_limits<double>::infinity());
  store.begin_attempt(id);
  EXPECT_NE(
      error_of([&] { store.add_measurements(id, 1, {bad}); }, ErrorKind::run)
          .find("not finite"),
      std::string::npos);
}

TEST(RunStore, AMeasurementKeepsEveryColumn) {
  const Folder folder;
  RunStore store(ResultsDb::open(folder / "a.db"));
  const std::string id = store.create_run(a_run("shala"));
  store.begin_attempt(id);
  Measurement row = a_measurement("conditional_coherence", 0.1 + 0.2);
  row.source_subset = "m0+m2";
  row.target_modality = "m1";
  row.spread = 0.01;
  store.add_measurements(id, 1, {row});
  Table table = query(store.db(), "SELECT * FROM measurements");
  ASSERT_EQ(table.rows.size(), 1u);
  const std::vector<Cell> expected = {id,
                                      std::int64_t{1},
                                      "conditional_coherence",
                                      0.1 + 0.2,
                                      "share",
                                      "higher",
                                      "m0+m2",
                                      "m1",
                                      "test",
                                      std::int64_t{1000},
                                      0.01,
                                      "mmvaeplus",
                                      "judge-1",
                                      "diffusion",
                                      "unipc2 steps=10",
                                      std::int64_t{10},
                                      2.5};
  EXPECT_EQ(table.rows[0], expected);
}

TEST(RunStore, ACurvePointThatIsNotFiniteIsStoredAsNull) {
  const Folder folder;
  RunStore store(ResultsDb::open(folder / "a.db"));
  const std::string id = store.create_run(a_run("shala"));
  store.begin_attempt(id);
  store.add_curves(id, 1, {{"train", 1, "loss", std::nan("")}});
  EXPECT_EQ(number(store.db(), "SELECT value IS NULL FROM curves"), 1);
}

TEST(RunStore, MarksStaleOnlyWhatWasJudged) {
  const Folder folder;
  RunStore store(ResultsDb::open(folder / "a.db"));
  const std::string id = store.create_run(a_run("shala"));
  store.begin_attempt(id);
  const std::string judged = judge_running_runs(store.db()).at(0).heartbeat;
  ::usleep(2000);
  store.heartbeat(id);
  EXPECT_FALSE(store.mark_stale(id, judged, "no such process"));
  const std::string now = judge_running_runs(store.db()).at(0).heartbeat;
  EXPECT_TRUE(store.mark_stale(id, now, "no such process"));
  EXPECT_EQ(words(store.db(), "SELECT state || ': ' || error FROM runs"),
            "stale: no such process");
  EXPECT_EQ(words(store.db(), "SELECT state FROM attempts"), "stale");
  EXPECT_FALSE(store.heartbeat(id));
}

TEST(RunStore, TagsNotesAndDeletionCanBeUndone) {
  const Folder folder;
  RunStore store(ResultsDb::open(folder / "a.db"));
  const std::string id = store.create_run(a_run("shala"));
  store.set_tag(id, "best", true);
  store.set_tag(id, "best", true);
  store.set_note(id, "substitute backgrounds");
  EXPECT_EQ(words(store.db(), "SELECT tags || note FROM run_summary"),
            "bestsubstitute backgrounds");
  store.set_tag(id, "best", false);
  EXPECT_EQ(number(store.db(), "SELECT count(*) FROM run_tags"), 0);
  store.set_deleted(id, true);
  EXPECT_EQ(number(store.db(), "SELECT count(*) FROM run_summary"), 0);
  store.set_deleted(id, false);
  EXPECT_EQ(number(store.db(), "SELECT count(*) FROM run_summary"), 1);
}

TEST(RunStore, WhileTheDatabaseIsLockedRowsWaitInTheSpool) {
  const Folder folder;
  DbOptions impatient;
  impatient.busy_timeout = std::chrono::milliseconds(50);
  RunStore store(ResultsDb::open(folder / "a.db", impatient));
  const std::string id = store.create_run(a_run("shala"));
  store.begin_attempt(id);
  ResultsDb holder = ResultsDb::open(folder / "a.db");
  holder.write([&] {
    EXPECT_THROW(store.add_measurements(id, 1, {a_measurement("a", 1.0)}),
                 DatabaseUnavailable);
    EXPECT_THROW(store.finish(id, 1, RunState::finished), DatabaseUnavailable);
  });
  EXPECT_EQ(file_lines(spool_path(folder / "a.db")).size(), 3u);
  RunStore next(ResultsDb::open(folder / "a.db"));
  EXPECT_EQ(number(next.db(), "SELECT count(*) FROM measurements"), 1);
  EXPECT_EQ(words(next.db(), "SELECT state FROM runs"), "finished");
  EXPECT_TRUE(file_lines(spool_path(folder / "a.db")).empty());
}

TEST(Spool, SetsAsideRowsOfARunThatIsGone) {
  const Folder folder;
  ResultsDb db = ResultsDb::open(folder / "a.db");
  spool_events(folder / "a.db",
               measurement_events("gone", 1, {a_measurement("a", 1.0)}));
  EXPECT_EQ(replay_spool(db), 0u);
  EXPECT_EQ(file_lines(folder / "a.db.spool.rejected.jsonl").size(), 1u);
  EXPECT_TRUE(file_lines(spool_path(folder / "a.db")).empty());
}

}  // namespace run_store_test
}  // namespace shalab
