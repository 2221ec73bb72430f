#pragma once
// Where rows wait while the database cannot be written: <db>.spool.jsonl, lines
// as in events.h. Rows that the schema refuses when they are replayed (their
// run was removed) go to <db>.spool.rejected.jsonl. Several processes may use
// one spool.

#include "results/events.h"

namespace shalab {

std::filesystem::path spool_path(const std::filesystem::path& db);

// The events are on the disk when this returns; throws Error(database).
void spool_events(const std::filesystem::path& db, const EventLines& events);

// Puts events that the schema refuses aside, in <db>.spool.rejected.jsonl.
void set_aside(const std::filesystem::path& db, const EventLines& events);

// Moves all spooled events into the database; returns how many there were.
// Replaying twice changes nothing.
std::size_t replay_spool(ResultsDb& db);

}  // namespace shalab
