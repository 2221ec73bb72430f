#include "results/leaderboard.h"

#include "fixture.h"
#include "results/published.h"

namespace shalab {
namespace leaderboard_test {

class Board : public ::testing::Test {
 protected:
  Board() : store_(ResultsDb::open(folder_ / "a.db")) {}

  std::string finished(const RunRecord& run,
                       const std::vector<Measurement>& rows) {
    const std::string id = store_.create_run(run);
    store_.begin_attempt(id);
    store_.add_measurements(id, 1, rows);
    store_.finish(id, 1, RunState::finished);
    return id;
  }
  static Measurement coherence(double value, const std::string& source,
                               const std::string& target) {
    Measurement row = a_measurement("conditional_coherence", value);
    row.source_subset = source;
    row.target_modality = target;
    return row;
  }
  static Cell cell(const LeaderboardBlock& block, std::size_t row,
                   const std::string& column) {
    const auto& columns = block.table.columns;
    const auto place = std::find(columns.begin(), columns.end(), column);
    if (place == columns.end()) return "(no column)";
    return block.table.rows.at(row).at(
        static_cast<std::size_t>(place - columns.begin()));
  }

  Folder folder_;
  RunStore store_;
};

TEST_F(Board, ALaterAttemptSupersedesTheSameKeyOnly) {
  const std::string id = finished(
      a_run("shala"), {a_measurement("a", 0.1), a_measurement("b", 0.2)});
  store_.begin_attempt(id);
  Measurement otherwise = a_measurement("a", 0.9);
  otherwise.fingerprint = "judge-2";
  store_.add_measurements(id, 2, {a_measurement("a", 0.3), otherwise});
  const Table table = query(store_.db(),
                            "SELECT name, fingerprint, value, attempt FROM "
                            "leaderboard ORDER BY 1, 2");
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(table.rows[0],
            (std::vector<Cell>{"a", "judge-1", 0.3, std::int64_t{2}}));
  EXPECT_EQ(table.rows[1],
            (std::vector<Cell>{"a", "judge-2", 0.9, std::int64_t{2}}));
  EXPECT_EQ(table.rows[2],
            (std::vector<Cell>{"b", "judge-1", 0.2, std::int64_t{1}}));
}

TEST_F(Board, AQuickLookNeverHidesAMeasurementOnMoreSamples) {
  Measurement full = a_measurement("a", 0.1);
  full.num_samples = 10000;
  const std::string id = finished(a_run("shala"), {full});
  Measurement quick = a_measurement("a", 0.9);
  quick.num_samples = 1000;
  store_.add_measurements(id, 1, {quick});
  const Table all =
      query(store_.db(), "SELECT value FROM measurements ORDER BY value");
  ASSERT_EQ(all.rows.size(), 2u);
  const Table shown =
      query(store_.db(), "SELECT value, num_samples FROM leaderboard");
  ASSERT_EQ(shown.rows.size(), 1u);
  EXPECT_EQ(shown.rows[0], (std::vector<Cell>{0.1, std::int64_t{10000}}));
}

// Attempt 1 reaches step 5 of train and step 2 of a fitted prior; attempt 2
// goes on from step 3 of train and runs the fitted prior again.
TEST_F(Board, CurvesAfterTheResumePointAreSuperseded) {
  const std::string id = store_.create_run(a_run("shala"));
  store_.begin_attempt(id);
  std::vector<CurvePoint> points;
  for (int step = 1; step <= 5; ++step)
    points.push_back({"train", step, "loss", 1.0});
  points.push_back({"fitted_prior.diffusion", 1, "loss", 1.0});
  points.push_back({"fitted_prior.diffusion", 2, "loss", 1.0});
  store_.add_curves(id, 1, points);
  EXPECT_EQ(number(store_.db(), "SELECT count(*) FROM curve_points"), 7);
  store_.begin_attempt(id, ResumePoint{"train", 3});
  EXPECT_EQ(number(store_.db(),
                   "SELECT count(*) FROM curve_points WHERE stage "
                   "= 'train'"),
            3);
  store_.add_curves(
      id, 2,
      {{"train", 4, "loss", 2.0}, {"fitted_prior.diffusion", 1, "loss", 2.0}});
  EXPECT_EQ(words(store_.db(),
                  "SELECT group_concat(stage || step || ':' || attempt) FROM "
                  "(SELECT * FROM curve_points ORDER BY stage, step)"),
            "fitted_prior.diffusion1:2,train1:1,train2:1,train3:1,train4:2");
}

TEST_F(Board, AveragesSourcesAndTargets) {
  finished(a_run("shala"),
           {coherence(0.6, "m0", "m1"), coherence(0.8, "m1", "m0"),
            a_measurement("joint_coherence", 0.5)});
  const auto blocks = leaderboard_table(store_.db());
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].title, "poly_mnist, test");
  EXPECT_DOUBLE_EQ(
      std::get<double>(cell(blocks[0], 0, "conditional_coherence")), 0.7);
  EXPECT_EQ(cell(blocks[0], 0, "joint_coherence"), Cell(0.5));
  EXPECT_EQ(cell(blocks[0], 0, "run"), Cell("shala"));
  EXPECT_EQ(cell(blocks[0], 0, "fusion"), Cell("concat"));
  EXPECT_EQ(cell(blocks[0], 0, "latent_source"), Cell("diffusion"));
  EXPECT_EQ(cell(blocks[0], 0, "nfe"), Cell(std::int64_t{10}));
}

TEST_F(Board, AMeanThatTheMetricReportedCountsAlone) {
  finished(a_run("shala"),
           {coherence(0.6, "m0", "m1"), coherence(0.8, "m1", "m0"),
            coherence(0.9, "one", "m0"), coherence(0.4, "one", "")});
  const auto blocks = leaderboard_table(store_.db());
  EXPECT_EQ(cell(blocks.at(0), 0, "conditional_coherence"), Cell(0.4));
}

// Seeds 1 and 2 of one configuration: 0.6 and 0.8, mean 0.7, error 0.1.
TEST_F(Board, AveragesSeedsAndShowsHowMany) {
  finished(a_run("shala", 1, "h1"), {a_measurement("joint_coherence", 0.6)});
  finished(a_run("shala", 2, "h1"), {a_measurement("joint_coherence", 0.8)});
  finished(a_run("mopoe", 1, "h2"), {a_measurement("joint_coherence", 0.75)});
  const auto blocks = leaderboard_table(store_.db());
  ASSERT_EQ(blocks.at(0).table.rows.size(), 2u);
  EXPECT_EQ(cell(blocks[0], 0, "run"), Cell("mopoe"));
  EXPECT_EQ(cell(blocks[0], 0, "joint_coherence_error"), Cell());
  EXPECT_EQ(cell(blocks[0], 1, "n"), Cell(std::int64_t{2}));
  EXPECT_DOUBLE_EQ(std::get<double>(cell(blocks[0], 1, "joint_coherence")),
                   0.7);
  EXPECT_DOUBLE_EQ(
      std::get<double>(cell(blocks[0], 1, "joint_coherence_error")), 0.1);
  LeaderboardOptions options;
  options.average_seeds = false;
  EXPECT_EQ(leaderboard_table(store_.db(), options).at(0).table.rows.size(),
            3u);
}

TEST_F(Board, NeverMixesFingerprints) {
  Measurement otherwise = a_measurement("joint_coherence", 0.99);
  otherwise.fingerprint = "judge-2";
  finished(a_run("a"), {a_measurement("joint_coherence", 0.6)});
  finished(a_run("b"), {a_measurement("joint_coherence", 0.5)});
  finished(a_run("c"), {otherwise, a_measurement("psnr", 20.0)});
  const auto blocks = leaderboard_table(store_.db());
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[0].table.rows.size(), 3u);
  EXPECT_EQ(cell(blocks[0], 2, "run"), Cell("c"));
  EXPECT_EQ(cell(blocks[0], 2, "joint_coherence"), Cell());
  EXPECT_EQ(cell(blocks[0], 2, "psnr"), Cell(20.0));
  ASSERT_EQ(blocks[1].table.rows.size(), 1u);
  EXPECT_EQ(cell(blocks[1], 0, "joint_coherence"), Cell(0.99));
  EXPECT_NE(blocks[1].title.find("not comparable"), std::string::npos);
  EXPECT_NE(blocks[1].legend.at(0).find("judge-2"), std::string::npos);
}

TEST_F(Board, LowerIsBetterComesFirst) {
  Measurement small = a_measurement("fid", 40.0);
  Measurement large = a_measurement("fid", 80.0);
  small.direction = large.direction = Direction::lower;
  finished(a_run("worse"), {large});
  finished(a_run("better"), {small});
  EXPECT_EQ(cell(leaderboard_table(store_.db()).at(0), 0, "run"),
            Cell("better"));
}

TEST_F(Board, PrintsNotesUnderTheTable) {
  RunRecord run = a_run("a");
  run.note = "substitute backgrounds";
  finished(run, {coherence(0.6, "m0", "m1"), coherence(0.8, "m1", "m0")});
  const std::string id = store_.create_run(a_run("b"));
  store_.begin_attempt(id);
  store_.add_measurements(id, 1, {coherence(0.9, "m0", "m1")});
  const std::string text = as_text(leaderboard_table(store_.db()));
  EXPECT_NE(text.find("note: substitute backgrounds"), std::string::npos);
  EXPECT_NE(text.find("is running, not finished"), std::string::npos);
  EXPECT_NE(text.find("is a mean over 1 sources and targets, others over 2"),
            std::string::npos)
      << text;
  EXPECT_NE(as_json(leaderboard_table(store_.db())).find("\"notes\""),
            std::string::npos);
}

TEST_F(Board, SelectsSplitMetricsAndRuns) {
  Measurement validation = a_measurement("psnr", 21.0);
  validation.split = "validation";
  const std::string id = finished(
      a_run("a"),
      {a_measurement("psnr", 20.0), a_measurement("ssim", 0.9), validation});
  finished(a_run("b"), {a_measurement("psnr", 22.0)});
  LeaderboardOptions options;
  options.metrics = {"psnr"};
  options.run_ids = {id};
  const auto blocks = leaderboard_table(store_.db(), options);
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].table.rows.size(), 1u);
  EXPECT_EQ(cell(blocks[0], 0, "ssim"), Cell("(no column)"));
  options.split = "";
  EXPECT_EQ(leaderboard_table(store_.db(), options).size(), 2u);
  options.dataset = "cub_captions";
  EXPECT_TRUE(leaderboard_table(store_.db(), options).empty());
}

TEST_F(Board, StandsBesidePublishedNumbers) {
  std::ofstream(folder_ / "published.csv")
      << "paper,place,dataset,model,metric,value,direction,evidence,note\r\n"
      << "P,\"table 2, left\",poly_mnist,ShaLa,coherence.joint,0.815,higher,"
         "paper,\"a \"\"note\"\"\"\n"
      << "P,table 2,cub_captions,ShaLa,coherence.joint,0.5,higher,paper,\n";
  EXPECT_EQ(import_published(store_.db(), folder_ / "published.csv"), 2);
  EXPECT_EQ(import_published(store_.db(), folder_ / "published.csv"), 2);
  finished(a_run("ours"), {a_measurement("joint_coherence", 0.915)});
  const Table table =
      query(store_.db(),
            "SELECT published_model, place, published_note, is_better, "
            "round(difference, 6) FROM vs_published");
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0],
            (std::vector<Cell>{"ShaLa", "table 2, left", "a \"note\"",
                               std::int64_t{1}, 0.1}));
}

TEST_F(Board, RefusesAMalformedListOfPublishedNumbers) {
  const auto refusal = [&](const std::string& text) {
    std::ofstream(folder_ / "bad.csv") << text;
    return error_of([&] { import_published(store_.db(), folder_ / "bad.csv"); },
                    ErrorKind::data);
  };
  const std::string header =
      "paper,place,dataset,model,metric,value,direction,evidence,note\n";
  EXPECT_NE(refusal("paper,place\n").find("no column dataset"),
            std::string::npos);
  EXPECT_NE(refusal(header + "P,t,d,m,c,high,higher,paper,\n").find(":2: "),
            std::string::npos);
  EXPECT_NE(refusal(header + "P,t,d\n").find("3 fields"), std::string::npos);
  EXPECT_NE(refusal("").find("empty"), std::string::npos);
}

}  // namespace leaderboard_test
}  // namespace shalab
