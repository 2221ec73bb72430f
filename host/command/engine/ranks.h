#pragma once
// A run on several devices of this machine: their names, and what the ranks
// other than 0 do.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "command/engine/arguments.h"
#include "command/engine/session.h"
#include "model/collective.h"
#include "run/pipeline.h"

namespace shalab {

// Of --devices ("cpu,cpu", "cuda:0,cuda:1"), by rank; empty where the option
// is not given. Throws Error(usage): an unknown name, CPUs and GPUs mixed, a
// GPU twice, --device beside it.
std::vector<std::string> devices_asked(const Arguments& arguments,
                                       const GlobalOptions& options);

// Of a run, as many as run.devices says: `asked`, or without that the GPUs
// from number 0 on, or CPUs, as `device` ("auto", "cpu", "cuda") has it. Throws
// Error(resume) where another number is asked.
std::vector<std::string> devices_of(const ResolvedConfig& config,
                                    const std::vector<std::string>& asked,
                                    const std::string& device, Logger& logger);

// Starts a process for each device and waits. Returns rank 0's exit code; where
// it left none, records the run as failed and throws Error(run).
int launch_ranks(Session& session, const std::vector<std::string>& devices);

// In a process that was started so; else null.
std::unique_ptr<Collective> open_collective();

// What all ranks train, and from where.
struct Order {
  std::string config;  // resolved text
  std::vector<std::string> devices;
  std::filesystem::path folder;
  bool accept_other_plugins = false;
};

// Rank 0, its own data loaded (the others would race for caches otherwise):
// sends the order. Then `context`'s device joins the others.
void send_order(const Order& order, const RunContext& context);

// Takes the newest checkpoint, else the first stage of another run if the
// config names one. Throws Error(resume) where ranks find different ones.
void begin(Pipeline& pipeline, const ResolvedConfig& config,
           const RunContext& context, bool accept_other_plugins);

// The whole life of a rank other than 0: waits for the order, trains, leaves.
int follow(const GlobalOptions& options);

}  // namespace shalab
