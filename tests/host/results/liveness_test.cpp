#include "results/liveness.h"

#include <signal.h>

#include "fixture.h"

namespace shalab {
namespace liveness_test {

TEST(Liveness, ThisProcessIsAlive) {
  const Verdict verdict = judge_process(current_process());
  EXPECT_EQ(verdict.liveness, Liveness::alive) << verdict.evidence;
}

TEST(Liveness, AnotherHostIsUnknown) {
  ProcessIdentity process = current_process();
  process.host = "elsewhere";
  const Verdict verdict = judge_process(process);
  EXPECT_EQ(verdict.liveness, Liveness::unknown);
  EXPECT_NE(verdict.evidence.find("elsewhere"), std::string::npos);
  EXPECT_EQ(judge_process({}).liveness, Liveness::unknown);
}

TEST(Liveness, AnotherBootOrStartTimeIsDead) {
  ProcessIdentity process = current_process();
  process.start += 1;
  EXPECT_EQ(judge_process(process).liveness, Liveness::dead);
  process = current_process();
  process.boot_id = "before";
  const Verdict verdict = judge_process(process);
  EXPECT_EQ(verdict.liveness, Liveness::dead);
  EXPECT_NE(verdict.evidence.find("booted since"), std::string::npos);
}

// A stopped process, then a zombie, then none.
TEST(Liveness, FollowsAChildToItsEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = in_child([&] {
    const ProcessIdentity self = current_process();
    if (::write(ends[1], &self.start, sizeof self.start) < 0) return;
    for (;;) ::pause();
  });
  ProcessIdentity process = current_process();
  process.pid = child;
  ASSERT_EQ(::read(ends[0], &process.start, sizeof process.start),
            static_cast<ssize_t>(sizeof process.start));
  ::kill(child, SIGSTOP);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
  EXPECT_EQ(judge_process(process).liveness, Liveness::alive);
  EXPECT_NE(judge_process(process).evidence.find("stopped"), std::string::npos);
  ::kill(child, SIGKILL);
  siginfo_t ended{};
  ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
  EXPECT_EQ(judge_process(process).liveness, Liveness::dead);
  ::waitpid(child, &status, 0);
  EXPECT_EQ(judge_process(process).liveness, Liveness::dead);
}

TEST(Liveness, JudgesTheRunningRunsOfADatabase) {
  const Folder folder;
  RunStore store(ResultsDb::open(folder / "a.db"));
  store.create_run(a_run("queued"));
  const std::string id = store.create_run(a_run("gone"));
  store.begin_attempt(id);
  store.db().write(
      [&] { store.db().execute("UPDATE runs SET process_start = 1"); });
  const auto judged = judge_running_runs(store.db());
  ASSERT_EQ(judged.size(), 1u);
  EXPECT_EQ(judged[0].name, "gone");
  EXPECT_EQ(judged[0].verdict.liveness, Liveness::dead);
}

}  // namespace liveness_test
}  // namespace shalab
