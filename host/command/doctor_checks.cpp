#include "command/doctor_checks.h"

#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/build_info.h"
#include "base/digest.h"
#include "base/files.h"
#include "command/data_inventory.h"
#include "command/places.h"
#include "plugin/plugin_list.h"
#include "results/liveness.h"
#include "results/run_store.h"
#include "results/storage.h"
#include "shalab/error.h"
#include "shalab/plugin.h"

namespace shalab {

namespace {

namespace fs = std::filesystem;

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

void add(Findings& findings, Health health, const std::string& subject,
         const std::string& text) {
  findings.push_back({health, subject, text});
}

std::string with_hint(const Error& error) {
  return error.hint().empty() ? error.message()
                              : error.message() + " (" + error.hint() + ")";
}

std::string stamp_problem(const PluginInfo& info) {
  if (info.sdk_hash != build_info().sdk_hash) return "other SDK headers";
  const std::string version = "libtorch" + build_info().libtorch;
  if (!info.abi_stamp.ends_with(version)) return "another LibTorch";
  std::error_code error;
  if (!fs::exists(info.library, error)) return "its library is missing";
  if (sha256_file(info.library) != info.sha256)
    return "changed since described";
  return "";
}

void check_running_runs(ResultsDb db, const GlobalOptions& options, bool fix,
                        Findings& findings) {
  for (const RunLiveness& run : judge_running_runs(db)) {
    const std::string text = "run " + run.run_id + " '" + run.name + "' is " +
                             to_string(run.verdict.liveness) + ": " +
                             run.verdict.evidence;
    if (run.verdict.liveness != Liveness::dead) {
      add(findings, Health::good, "runs", text);
    } else if (!fix) {
      add(findings, Health::bad, "runs",
          text + " (`shalab doctor --fix` marks it stale)");
    } else {
      RunStore store(ResultsDb::open(options.db), options.runs);
      store.mark_stale(run.run_id, run.heartbeat, run.verdict.evidence);
      add(findings, Health::notice, "runs", text + "; marked stale");
    }
  }
}

}  // namespace

const char* to_string(Health health) {
  switch (health) {
    case Health::good:
      return "ok";
    case Health::notice:
      return "notice";
    case Health::bad:
      return "bad";
  }
  return "unknown";
}

void check_programs(Findings& findings) {
  const fs::path engine = program_folder() / "shalab-engine";
  std::error_code error;
  const bool there = fs::exists(engine, error);
  add(findings, there ? Health::good : Health::bad, "engine",
      engine.string() + (there ? "" : " is missing; build shalab-engine"));
  const fs::path library =
      fs::path(SHALAB_LIBTORCH_LIB_DIR) / "libtorch_cpu.so";
  const bool found = fs::exists(library, error);
  add(findings, found ? Health::good : Health::bad, "libtorch",
      build_info().libtorch + " at " + library.string() +
          (found ? "" : " is missing; run scripts/setup"));
}

void check_plugins(const GlobalOptions& options, Findings& findings) {
  try {
    const PluginList list = load_plugin_list(plugin_folders(options.plugins));
    int sound = 0;
    for (const PluginInfo& info : list.plugins) {
      const std::string problem = stamp_problem(info);
      sound += problem.empty() ? 1 : 0;
      if (problem.empty()) continue;
      add(findings, Health::bad, "plugins",
          info.kind + " " + info.name + ": " + problem + "; build it again");
    }
    for (const std::string& problem : list.problems) {
      add(findings, Health::bad, "plugins", problem);
    }
    add(findings, sound > 0 ? Health::good : Health::bad, "plugins",
        std::to_string(sound) + " usable");
  } catch (const Error& error) {
    add(findings, Health::bad, "plugins", with_hint(error));
  }
}

void check_database(const GlobalOptions& options, bool fix,
                    Findings& findings) {
  const std::string path = options.db.string();
  if (const std::string text = storage_warning(options.db); !text.empty()) {
    add(findings, Health::notice, "database", text);
  }
  std::error_code missing;
  if (!fs::exists(options.db, missing)) {
    add(findings, Health::notice, "database",
        path + " does not exist yet; the first run makes it");
    return;
  }
  try {
    ResultsDb db = ResultsDb::open_read_only(options.db);
    const auto problems = db.integrity_problems();
    for (const std::string& problem : problems) {
      add(findings, Health::bad, "database", path + ": " + problem);
    }
    if (!problems.empty()) return;
    add(findings, Health::good, "database",
        path + " is sound, schema " + std::to_string(db.schema_version()));
    check_running_runs(std::move(db), options, fix, findings);
  } catch (const Error& error) {
    add(findings, Health::bad, "database", with_hint(error));
  }
}

void check_data(const GlobalOptions& options, Findings& findings) {
  const auto places = services_folders(options).data_folders;
  if (places.empty()) {
    add(findings, Health::notice, "data",
        "no data folder; name one with --data or SHALAB_DATA");
  }
  for (const auto& place : places) {
    add(findings, Health::good, "data", "folder " + place.string());
  }
  for (const DataItem& item : data_inventory(places)) {
    const bool found = !item.found.empty();
    add(findings, found ? Health::good : Health::notice, "data",
        item.name + ": " +
            (found ? item.found.string()
                   : "not found (" + std::string(item.what) + ")"));
  }
}

void check_machine(const GlobalOptions& options, Findings& findings) {
  const double free = static_cast<double>(free_space(options.runs)) / kGiB;
  add(findings, free < 1.0 ? Health::bad : Health::good, "disk",
      std::to_string(static_cast<long>(free)) + " GiB free for " +
          options.runs.string());
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  double load = 0.0;
  const bool known = getloadavg(&load, 1) == 1;
  const bool busy = known && load > 0.5 * cores;
  char text[96];
  std::snprintf(text, sizeof text, "%u cores, load %.2f%s", cores, load,
                busy ? ": others compute too, so timings mean little" : "");
  add(findings, busy ? Health::notice : Health::good, "machine", text);
}

}  // namespace shalab
