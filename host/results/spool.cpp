#include "results/spool.h"

namespace shalab {

std::filesystem::path spool_path(const std::filesystem::path& db) {
  return db.string() + ".spool.jsonl";
}

void spool_events(const std::filesystem::path& db, const EventLines& events) {
  LineLog spool(spool_path(db));
  spool.append(events);
  spool.flush();
}

void set_aside(const std::filesystem::path& db, const EventLines& events) {
  LineLog refused(db.string() + ".spool.rejected.jsonl");
  refused.append(events);
  refused.flush();
}

std::size_t replay_spool(ResultsDb& db) {
  const std::filesystem::path path = spool_path(db.path());
  std::error_code ignored;
  if (std::filesystem::file_size(path, ignored) == 0 || ignored) return 0;
  std::size_t count = 0;
  LineLog(path).drain([&](const EventLines& events) {
    EventLines rejected;
    apply_events(db, events, OnConflict::replace, &rejected);
    count = events.size() - rejected.size();
    if (!rejected.empty()) set_aside(db.path(), rejected);
  });
  return count;
}

}  // namespace shalab
