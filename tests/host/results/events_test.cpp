#include "results/events.h"

#include <cmath>

#include "fixture.h"

namespace shalab {
namespace events_test {

// A run with two attempts and every kind of row.
std::string full_run(RunStore& store) {
  const std::string id = store.create_run(a_run("shala", -3, "h1"));
  store.begin_attempt(id);
  store.add_curves(
      id, 1,
      {{"train", 1, "loss", 1.0 / 3.0}, {"train", 2, "loss", std::nan("")}});
  Measurement row = a_measurement("joint_coherence", 0.1 + 0.2);
  store.add_measurements(id, 1, {row});
  row.value = 1.0;
  store.add_measurements(id, 1, {row});
  store.add_artifact(id, 1,
                     {"checkpoint", "checkpoints/2", "abc", 12345678901});
  store.heartbeat(id);
  store.finish(id, 1, RunState::killed, 130, "signal 2:\n\"stop\" \xc3\xa9");
  store.begin_attempt(id, ResumePoint{"train", 1});
  store.set_tag(id, "gone", true);
  store.set_tag(id, "kept", true);
  store.set_tag(id, "gone", false);
  store.finish(id, 2, RunState::finished);
  return id;
}

TEST(Events, ALogRebuildsTheDatabaseAndTheDatabaseTheLog) {
  const Folder folder;
  RunStore store(ResultsDb::open(folder / "a.db"), folder / "runs");
  const std::string id = full_run(store);
  const EventLines original = events_from_db(store.db(), id);

  ResultsDb rebuilt = ResultsDb::open(folder / "b.db");
  EXPECT_EQ(
      rebuild_from_events(rebuilt, folder / ("runs/" + id + "/events.jsonl")),
      std::vector<std::string>{id});
  EXPECT_EQ(events_from_db(rebuilt, id), original);

  {
    EventLog log(folder / "new.jsonl");
    log.append(original);
    log.flush();
  }
  ResultsDb again = ResultsDb::open(folder / "c.db");
  rebuild_from_events(again, folder / "new.jsonl");
  EXPECT_EQ(events_from_db(again, id), original);
}

TEST(Events, ApplyingALogTwiceChangesNothing) {
  const Folder folder;
  RunStore store(ResultsDb::open(folder / "a.db"), folder / "runs");
  const std::string id = full_run(store);
  const EventLines before = events_from_db(store.db(), id);
  rebuild_from_events(store.db(), folder / ("runs/" + id + "/events.jsonl"));
  EXPECT_EQ(events_from_db(store.db(), id), before);
}

TEST(Events, ATornLastLineIsIgnoredAndClosedOff) {
  const Folder folder;
  RunStore store(ResultsDb::open(folder / "a.db"), folder / "runs");
  const std::string id = store.create_run(a_run("shala"));
  const auto path = folder / ("runs/" + id + "/events.jsonl");
  std::ofstream(path, std::ios::app) << "{\"event\":\"run\",\"id\":\"torn";
  ResultsDb rebuilt = ResultsDb::open(folder / "b.db");
  rebuild_from_events(rebuilt, path);
  EXPECT_EQ(number(rebuilt, "SELECT count(*) FROM runs"), 1);
  LineLog(path).append({"{}"});
  EXPECT_EQ(file_lines(path).back(), "{}");
}

TEST(Events, RefusesWhatItDoesNotKnow) {
  const Folder folder;
  ResultsDb db = ResultsDb::open(folder / "a.db");
  EXPECT_NE(error_of([&] {
              apply_events(db, {R"({"event":"party"})"});
            }).find("unknown event 'party'"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              apply_events(db, {R"({"event":"run","id":"x","a; DROP":1})"});
            }).find("unknown column 'a; DROP'"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              apply_events(db, {R"({"event":"log","version":2})"});
            }).find("newer"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              apply_events(db, {R"({"event":"tag"})"});
            }).find("no 'run_id'"),
            std::string::npos);
  std::ofstream(folder / "bad.jsonl") << "{\"event\":\"log\"}\nhello\n";
  EXPECT_NE(error_of([&] {
              rebuild_from_events(db, folder / "bad.jsonl");
            }).find("bad.jsonl:2"),
            std::string::npos);
  EXPECT_THROW(rebuild_from_events(db, folder / "none.jsonl"), Error);
}

TEST(Events, MergingTwiceOrInAnotherOrderGivesTheSame) {
  const Folder folder;
  RunStore a(ResultsDb::open(folder / "a.db"));
  RunStore b(ResultsDb::open(folder / "b.db"));
  const std::string first = full_run(a);
  const std::string second = full_run(b);
  ResultsDb ab = ResultsDb::open(folder / "ab.db");
  EXPECT_EQ(merge_database(ab, a.db()), 1);
  EXPECT_EQ(merge_database(ab, b.db()), 1);
  EXPECT_EQ(merge_database(ab, a.db()), 0);
  ResultsDb ba = ResultsDb::open(folder / "ba.db");
  merge_database(ba, b.db());
  merge_database(ba, a.db());
  for (const std::string& id : {first, second})
    EXPECT_EQ(events_from_db(ab, id), events_from_db(ba, id));
  EXPECT_EQ(number(ab, "SELECT count(*) FROM runs"), 2);
}

TEST(Events, ARunThatIsNotThereHasNone) {
  const Folder folder;
  const ResultsDb db = ResultsDb::open(folder / "a.db");
  EXPECT_NE(error_of([&] { events_from_db(db, "nope"); }).find("no run nope"),
            std::string::npos);
}

TEST(LineLog, ProcessesThatAppendAtOnceDoNotMixLines) {
  const Folder folder;
  std::vector<pid_t> children;
  for (int writer = 0; writer < 4; ++writer) {
    children.push_back(in_child([&, writer] {
      LineLog log(folder / "a.jsonl");
      for (int i = 0; i < 100; ++i)
        log.append({std::string(300, static_cast<char>('a' + writer))});
    }));
  }
  for (pid_t child : children) EXPECT_EQ(exit_status(child), 0);
  const auto lines = file_lines(folder / "a.jsonl");
  EXPECT_EQ(lines.size(), 400u);
  for (const std::string& line : lines)
    EXPECT_EQ(line, std::string(300, line[0]));
}

}  // namespace events_test
}  // namespace shalab
