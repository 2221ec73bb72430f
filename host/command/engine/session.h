#pragma once
// What every engine command starts with: plugins, services, device, records.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/progress.h"
#include "command/options.h"
#include "config/resolve.h"
#include "plugin/registry.h"
#include "results/run_store.h"
#include "run/context.h"

namespace shalab {

// Lives as long as the command. Logger, progress, cancel token and folders
// come from the global options. [main]
class Session {
 public:
  explicit Session(const GlobalOptions& options);

  const GlobalOptions& options() const { return options_; }
  const Registry& registry() const { return registry_; }
  const Services& services() const { return services_; }
  Log& log() { return log_; }
  std::filesystem::path runs_folder() const;

  // The results database, opened on first use.
  RunStore& store();
  // Id of the run that `text` names (id, prefix, name, last).
  std::string run_id(const std::string& text);
  std::filesystem::path folder_of(const std::string& run_id) const;
  // The config stored with a run, with overrides on top.
  ResolvedConfig config_of(const std::string& run_id,
                           const std::vector<std::string>& overrides = {});

  // Device, precision, threads and seed of a config (the --device option
  // wins), applied to this process. No sink, no folder yet.
  RunContext context_for(const ResolvedConfig& config);
  // The same on `device`, as one of `processes` that share the cores.
  RunContext context_for(const ResolvedConfig& config,
                         const std::string& device, std::int64_t processes);

 private:
  GlobalOptions options_;
  Log log_;
  ProgressDisplay progress_;
  Registry registry_;
  Services services_;
  std::unique_ptr<RunStore> store_;
};

}  // namespace shalab
