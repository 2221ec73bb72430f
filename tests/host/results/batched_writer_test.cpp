#include "results/batched_writer.h"

#include <signal.h>
#include <sys/mount.h>

#include <atomic>
#include <cmath>

#include "fixture.h"
#include "results/spool.h"

namespace shalab {
namespace batched_writer_test {

using std::chrono::milliseconds;

std::string started_run(const std::filesystem::path& db) {
  RunStore store(ResultsDb::open(db));
  const std::string id = store.create_run(a_run("shala"));
  store.begin_attempt(id);
  return id;
}

CurvePoint point(std::int64_t step) {
  return {"train", step, "loss", 1.0 / static_cast<double>(step + 1)};
}

TEST(BatchedWriter, CommitsWithinItsIntervalWithoutAFlush) {
  const Folder folder;
  const std::string id = started_run(folder / "a.db");
  WriterOptions options;
  options.interval = milliseconds(50);
  BatchedWriter writer(folder / "a.db", id, 1, nullptr, options);
  writer.add({point(0), point(1)});
  const ResultsDb db = ResultsDb::open_read_only(folder / "a.db");
  for (int i = 0; i < 100 && number(db, "SELECT count(*) FROM curves") < 2; ++i)
    std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(number(db, "SELECT count(*) FROM curves"), 2);
  EXPECT_FALSE(writer.problem());
}

TEST(BatchedWriter, FlushMakesAllRowsOfAllThreadsDurable) {
  const Folder folder;
  const std::string id = started_run(folder / "a.db");
  BatchedWriter writer(folder / "a.db", id, 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) writer.add({point(1000 * t + i)});
      writer.flush();
    });
  }
  for (auto& thread : threads) thread.join();
  const ResultsDb db = ResultsDb::open_read_only(folder / "a.db");
  EXPECT_EQ(number(db, "SELECT count(*) FROM curves"), 200);
}

TEST(BatchedWriter, BeatsAndNoticesThatItIsNotWanted) {
  const Folder folder;
  const std::string id = started_run(folder / "a.db");
  WriterOptions options;
  options.interval = milliseconds(20);
  options.heartbeat = milliseconds(20);
  BatchedWriter writer(folder / "a.db", id, 1, nullptr, options);
  RunStore store(ResultsDb::open(folder / "a.db"));
  const std::string first = words(store.db(), "SELECT heartbeat FROM runs");
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_GT(words(store.db(), "SELECT heartbeat FROM runs"), first);
  EXPECT_TRUE(writer.is_wanted());
  store.finish(id, 1, RunState::killed);
  for (int i = 0; i < 100 && writer.is_wanted(); ++i)
    std::this_thread::sleep_for(milliseconds(20));
  EXPECT_FALSE(writer.is_wanted());
}

TEST(BatchedWriter, WhileLockedItSpoolsReportsOnceAndReplaysLater) {
  const Folder folder;
  const std::string id = started_run(folder / "a.db");
  WriterOptions options;
  options.interval = milliseconds(20);
  options.db.busy_timeout = milliseconds(30);
  std::atomic<int> num_reports{0};
  options.on_problem = [&](const Error&) { ++num_reports; };
  BatchedWriter writer(folder / "a.db", id, 1, nullptr, options);
  ResultsDb holder = ResultsDb::open(folder / "a.db");
  holder.write([&] {
    for (int i = 0; i < 3; ++i) {
      writer.add({point(i)});
      writer.flush();
    }
    EXPECT_EQ(file_lines(spool_path(folder / "a.db")).size(), 3u);
  });
  EXPECT_EQ(num_reports, 1);
  ASSERT_TRUE(writer.problem());
  EXPECT_EQ(writer.problem()->kind(), ErrorKind::database);
  writer.add({point(3)});
  writer.flush();
  EXPECT_EQ(number(holder, "SELECT count(*) FROM curves"), 4);
}

TEST(BatchedWriter, RowsOfARemovedRunAreSetAside) {
  const Folder folder;
  const std::string id = started_run(folder / "a.db");
  ResultsDb db = ResultsDb::open(folder / "a.db");
  db.write([&] { db.execute("DELETE FROM runs"); });
  BatchedWriter writer(folder / "a.db", id, 1);
  writer.add({point(0)});
  writer.flush();
  EXPECT_TRUE(writer.problem());
  EXPECT_EQ(file_lines(folder / "a.db.spool.rejected.jsonl").size(), 1u);
}

TEST(BatchedWriter, RefusesAMeasurementThatIsNotFinite) {
  const Folder folder;
  const std::string id = started_run(folder / "a.db");
  BatchedWriter writer(folder / "a.db", id, 1);
  EXPECT_THROW(writer.add({a_measurement("a", std::nan(""))}), Error);
}

// The child says on a pipe how many points it flushed; all of them must be
// there after kill -9 at a random moment.
TEST(BatchedWriter, KillNineLosesNoAcknowledgedRow) {
  for (int trial = 0; trial < 8; ++trial) {
    const Folder folder;
    const std::string id = started_run(folder / "a.db");
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = in_child([&] {
      RunStore store(ResultsDb::open(folder / "a.db"), folder / "runs");
      BatchedWriter writer(folder / "a.db", id, 1, store.event_log(id));
      for (std::int64_t step = 0;; ++step) {
        writer.add({point(step)});
        writer.flush();
        if (::write(ends[1], &step, sizeof step) != sizeof step) return;
      }
    });
    ::close(ends[1]);
    ::usleep(static_cast<useconds_t>(60000 + 17000 * trial));
    ::kill(child, SIGKILL);
    EXPECT_EQ(exit_status(child), 128 + SIGKILL);
    std::int64_t acknowledged = -1;
    while (::read(ends[0], &acknowledged, sizeof acknowledged) > 0) {
    }
    ::close(ends[0]);
    ASSERT_GE(acknowledged, 0) << "the child wrote nothing";
    ResultsDb db = ResultsDb::open(folder / "a.db");
    EXPECT_GE(number(db, "SELECT count(*) FROM curves"), acknowledged + 1);
    EXPECT_TRUE(db.integrity_problems().empty());
    ResultsDb other = ResultsDb::open(folder / "b.db");
    other.write([&] {
      apply_events(other, events_from_db(db, id, {"run", "attempt"}));
    });
    rebuild_from_events(other, folder / ("runs/" + id + "/events.jsonl"));
    EXPECT_GE(number(other, "SELECT count(*) FROM curves"), acknowledged + 1);
  }
}

class SmallDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting a small disk needs root";
    if (::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=512k") != 0)
      GTEST_SKIP() << "mounting a small disk is not permitted here";
    is_mounted_ = true;
  }
  void TearDown() override {
    if (is_mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  void fill() {
    std::ofstream filler(folder_ / "filler", std::ios::binary);
    while (filler << std::string(4096, 'x') << std::flush) {
    }
  }
  Folder folder_;
  bool is_mounted_ = false;
};

TEST_F(SmallDisk, AFullDiskIsAClearErrorAndEarlierRowsStay) {
  const std::string id = started_run(folder_ / "a.db");
  std::vector<CurvePoint> many;
  for (std::int64_t i = 0; i < 2000; ++i) many.push_back(point(i));
  BatchedWriter writer(folder_ / "a.db", id, 1);
  writer.add({point(100000)});
  writer.flush();
  fill();
  writer.add(many);
  const std::string message = error_of([&] { writer.flush(); });
  EXPECT_NE(message.find("disk is full"), std::string::npos) << message;
  EXPECT_NE(message.find("free some space"), std::string::npos) << message;
  {
    const ResultsDb db = ResultsDb::open_read_only(folder_ / "a.db");
    EXPECT_EQ(number(db, "SELECT count(*) FROM curves"), 1);
    EXPECT_TRUE(db.integrity_problems().empty());
  }
  std::filesystem::remove(folder_ / "filler");
  writer.flush();
  const ResultsDb db = ResultsDb::open_read_only(folder_ / "a.db");
  EXPECT_EQ(number(db, "SELECT count(*) FROM curves"), 2001);
}

}  // namespace batched_writer_test
}  // namespace shalab
