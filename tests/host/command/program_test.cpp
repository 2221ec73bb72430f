// The program itself, run as a user runs it.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "base/files.h"
#include "command/commands.h"
#include "command/plugin_page.h"
#include "plugin/plugin_list.h"
#include "results/run_store.h"

namespace shalab {
namespace program_test {

const std::string kProgram = SHALAB_BUILD_DIR "/bin/shalab";

struct Answer {
  int code = 0;
  std::string out;
  std::string err;
};

// `words` as typed after the program's name; `before` sets variables.
Answer run(const std::string& words, const std::string& before = "") {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "out").string();
  const std::string err = (folder.path() / "err").string();
  const std::string line = "cd " + folder.path().string() + " && " + before +
                           " " + kProgram + " " + words + " >" + out + " 2>" +
                           err;
  const int status = std::system(line.c_str());
  return {WEXITSTATUS(status), read_file(out), read_file(err)};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A database with one run that finished and one whose process is gone.
class Records : public testing::Test {
 protected:
  void SetUp() override {
    RunStore store(ResultsDb::open(folder_.path() / "a.db"));
    RunRecord record;
    record.name = "first";
    record.config = {{"run.seed", "1", "default"}};
    first_ = store.create_run(record);
    const auto attempt = store.begin_attempt(first_);
    Measurement measurement;
    measurement.name = "psnr";
    measurement.value = 12.5;
    measurement.unit = "dB";
    measurement.split = "test";
    measurement.num_samples = 10;
    store.add_measurements(first_, attempt, {measurement});
    store.finish(first_, attempt, RunState::finished);
  }
  std::string db() const {
    return " --db " + (folder_.path() / "a.db").string();
  }

  TemporaryFolder folder_;
  std::string first_;
};

TEST(Program, PrintsAnErrorOnceWithItsHint) {
  const Answer answer = run("plguins");
  EXPECT_EQ(answer.code, 2);
  EXPECT_EQ(answer.out, "");
  EXPECT_EQ(answer.err.rfind("shalab: error: unknown command 'plguins'\n"
                             "hint: did you mean 'plugins'?",
                             0),
            0u)
      << answer.err;
}

TEST(Program, ColoursOnlyWhenAsked) {
  EXPECT_FALSE(has(run("nonsense").err, "\033["));
  EXPECT_TRUE(has(run("nonsense --color always").err, "\033[31merror:"));
  EXPECT_FALSE(has(run("nonsense --color never").err, "\033["));
  const Answer odd = run("version --color sometimes");
  EXPECT_EQ(odd.code, 2);
}

TEST(Program, ListsExactlyTheCommandsThatExist) {
  const Answer answer = run("help --json");
  const auto json = nlohmann::json::parse(answer.out);
  ASSERT_EQ(json["commands"].size(), commands().size());
  for (const auto& command : json["commands"]) {
    const std::string name = command["name"];
    EXPECT_NE(find_command(name), nullptr) << name;
    EXPECT_EQ(run("help " + name).code, 0) << name;
  }
}

TEST(Program, GivesVersionInBothForms) {
  EXPECT_EQ(run("--version").out.rfind("shalab ", 0), 0u);
  const auto json = nlohmann::json::parse(run("version --json").out);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["sdk_hash"].get<std::string>().size(), 64u);
}

TEST(Program, MapsNoLibTorchForListings) {
  for (const char* words : {"plugins list", "doctor", "data list"}) {
    const Answer answer = run(words, "LD_DEBUG=files");
    EXPECT_TRUE(has(answer.err, "libshalab_base")) << words;
    EXPECT_FALSE(has(answer.err, "libtorch")) << words;
    EXPECT_FALSE(has(answer.err, "libc10")) << words;
  }
}

TEST(Program, SurvivesAClosedPipe) {
  const std::string line =
      "set -o pipefail; " + kProgram + " help | true; exit ${PIPESTATUS[0]}";
  EXPECT_EQ(WEXITSTATUS(std::system(("bash -c '" + line + "'").c_str())), 0);
}

TEST(Program, RefusesAMissingConfigAndATypoInOne) {
  EXPECT_EQ(run("check no_such.ini").code, 2);
  EXPECT_EQ(run("plugins show no_such_plugin").code, 2);
}

TEST(Program, RefusesADatabaseThatIsNotThere) {
  const Answer answer = run("runs --db nowhere.db");
  EXPECT_EQ(answer.code, 5);
  EXPECT_TRUE(has(answer.err, "nowhere.db"));
}

TEST_F(Records, AreListedShownAndQueried) {
  const Answer list = run("runs" + db());
  EXPECT_EQ(list.code, 0) << list.err;
  EXPECT_TRUE(has(list.out, "first"));
  const auto json = nlohmann::json::parse(run("runs --json" + db()).out);
  EXPECT_EQ(json.at(0)["state"], "finished");
  const auto shown =
      nlohmann::json::parse(run("runs show first --json" + db()).out);
  EXPECT_EQ(shown["run"]["id"], first_);
  EXPECT_EQ(shown["measurements"][0]["value"], 12.5);
  EXPECT_EQ(run("sql \"SELECT 1 AS one\" --format csv" + db()).out, "one\n1\n");
}

TEST_F(Records, AreNotChangedBySql) {
  const Answer answer = run("sql \"DELETE FROM runs\"" + db());
  EXPECT_EQ(answer.code, 2);
  EXPECT_TRUE(has(run("runs" + db()).out, "first"));
}

TEST_F(Records, CanBeTaggedAndHidden) {
  EXPECT_EQ(run("runs tag first good" + db()).code, 0);
  EXPECT_TRUE(has(run("runs show good" + db()).out, first_));
  EXPECT_EQ(run("runs delete good" + db()).code, 0);
  EXPECT_FALSE(has(run("runs" + db()).out, "first"));
  EXPECT_EQ(run("runs delete --undo " + first_ + db()).code, 0);
  EXPECT_TRUE(has(run("runs" + db()).out, "first"));
}

TEST_F(Records, OfADeadProcessAreReportedAndMarkedOnlyWithFix) {
  {
    RunStore store(ResultsDb::open(folder_.path() / "a.db"));
    RunRecord record;
    record.name = "lost";
    store.begin_attempt(store.create_run(record));
    // No process has this start time.
    store.db().write([&] {
      store.db().execute(
          "UPDATE runs SET process_start = 1 "
          "WHERE name = 'lost'");
    });
  }
  const Answer doctor = run("doctor" + db());
  EXPECT_EQ(doctor.code, 8);
  EXPECT_TRUE(has(doctor.out, "'lost' is dead"));
  EXPECT_TRUE(has(run("runs --state running" + db()).out, "lost"));
  EXPECT_TRUE(has(run("doctor --fix" + db()).out, "marked stale"));
  EXPECT_TRUE(has(run("runs --state stale" + db()).out, "lost"));
}

TEST(Docs, OfTheCommandLineAreUpToDate) {
  EXPECT_EQ(read_file(SHALAB_SOURCE_DIR "/docs/cli.md"), cli_markdown())
      << "run `shalab help --markdown >docs/cli.md`";
}

TEST(Docs, OfThePluginsAreUpToDate) {
  const PluginList plugins = load_plugin_list({SHALAB_BUILD_DIR "/plugins"});
  if (!plugins.problems.empty()) {
    GTEST_SKIP() << "not all plugins are built: " << plugins.problems.front();
  }
  EXPECT_EQ(read_file(SHALAB_SOURCE_DIR "/docs/plugin_reference.md"),
            plugin_reference(plugins))
      << "run `shalab plugins show --markdown >docs/plugin_reference.md`";
}

}  // namespace program_test
}  // namespace shalab
