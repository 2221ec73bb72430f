#pragma once
// One attempt at a run: trains what is left, measures, records how it ended.

#include <memory>
#include <string>
#include <vector>

#include "command/engine/session.h"
#include "model/collective.h"
#include "shalab/measurement.h"

namespace shalab {

struct AttemptRequest {
  std::string run_id;
  ResolvedConfig config;
  bool is_resumed = false;
  bool accept_other_plugins = false;
  std::vector<std::string> devices;  // by rank; one: alone
  Collective* collective = nullptr;  // of several: this is rank 0
};

// Exit code of the attempt: 0 finished, 130/143 stopped by a signal after a
// checkpoint. Any exception is recorded as the run's failure and rethrown.
// The last thing on stdout is the measurement table (or JSON).
int run_attempt(Session& session, AttemptRequest request);

// The table that measuring commands end with: one line per measurement with
// all its parts, or {"measurements": [...]} with the columns' names.
void print_measurements(const std::vector<Measurement>& rows, bool json,
                        const std::string& note);

}  // namespace shalab
