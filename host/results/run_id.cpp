#include "results/run_id.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <vector>

#include "shalab/fields.h"

namespace shalab {

namespace {

struct Candidate {
  std::string id, name, state;
};

std::vector<Candidate> candidates(const ResultsDb& db, const std::string& where,
                                  const std::string& text) {
  Statement rows = db.statement(
      "SELECT id, name, state FROM runs WHERE deleted IS NULL AND " + where +
      " ORDER BY id DESC");
  if (where.find('?') != std::string::npos) rows.bind(text);
  std::vector<Candidate> found;
  while (rows.step())
    found.push_back({rows.text(0), rows.text(1), rows.text(2)});
  return found;
}

bool is_id_prefix(const std::string& text) {
  return text.size() >= 4 && text.size() <= 32 &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

[[noreturn]] void refuse_ambiguous(const std::string& text,
                                   const std::vector<Candidate>& found) {
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), 8); ++i) {
    list += "\n  " + found[i].id + "  " + found[i].state + "  " + found[i].name;
  }
  if (found.size() > 8) list += "\n  ...";
  throw Error(
      ErrorKind::usage,
      "'" + text + "' fits " + std::to_string(found.size()) + " runs:" + list,
      "give the id or a longer beginning of it");
}

[[noreturn]] void refuse_unknown(const ResultsDb& db, const std::string& text) {
  std::vector<std::string> names;
  for (const Candidate& run : candidates(db, "1", ""))
    names.push_back(run.name);
  const auto near = nearest(text, names);
  throw Error(
      ErrorKind::usage, "no run '" + text + "' in " + db.path().string(),
      near ? "did you mean '" + *near + "'?"
           : "`shalab runs` lists " + std::to_string(names.size()) + " runs");
}

}  // namespace

std::string make_run_id() {
  static std::mutex mutex;
  static std::uint64_t last_ms = 0;
  const std::lock_guard<std::mutex> guard(mutex);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  last_ms = std::max(ms, last_ms + 1);
  std::array<unsigned char, 10> random{};
  if (::getentropy(random.data(), random.size()) != 0)
    throw Error(ErrorKind::run, "the system gives no random bytes");
  char text[33];
  std::snprintf(text, sizeof text, "%012llx",
                static_cast<unsigned long long>(last_ms & 0xffffffffffffULL));
  for (std::size_t i = 0; i < random.size(); ++i)
    std::snprintf(text + 12 + 2 * i, 3, "%02x", random[i]);
  return text;
}

std::string resolve_run(const ResultsDb& db, const std::string& text) {
  if (text == "last") {
    const auto newest = candidates(
        db, "id = (SELECT max(id) FROM runs WHERE deleted IS NULL)", "");
    if (!newest.empty()) return newest.front().id;
    refuse_unknown(db, text);
  }
  std::vector<const char*> ways = {"name = ?",
                                   "id IN (SELECT run_id FROM run_tags "
                                   "WHERE tag = ?)"};
  if (is_id_prefix(text)) ways.insert(ways.begin(), "id GLOB ? || '*'");
  for (const char* where : ways) {
    const auto found = candidates(db, where, text);
    if (found.size() > 1) refuse_ambiguous(text, found);
    if (found.size() == 1) return found.front().id;
  }
  refuse_unknown(db, text);
}

}  // namespace shalab
