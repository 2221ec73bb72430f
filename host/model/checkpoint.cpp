#include "model/checkpoint.h"

#include <algorithm>
#include <cmath>

#include "base/files.h"
#include "model/checkpoint_manifest.h"
#include "shalab/error.h"
#include "shalab/io/safetensors.h"

namespace shalab {

namespace fs = std::filesystem;

namespace {

constexpr const char* kModel = "model.safetensors";
constexpr const char* kOptimiser = "optimiser.safetensors";
constexpr const char* kState = "state.json";
constexpr const char* kManifest = "manifest.json";
constexpr std::size_t kDigits = 10;

// Headers and manifest, beside the tensors and the state.
constexpr std::uint64_t kSpareSpace = 16 << 20;

const std::vector<std::string>& file_names() {
  static const std::vector<std::string> names = {kModel, kOptimiser, kState};
  return names;
}

std::string folder_name(std::int64_t step) {
  const std::string digits = std::to_string(step);
  SHALAB_CHECK(step >= 0 && digits.size() <= kDigits,
               "step " + digits + " of a checkpoint");
  return std::string(kDigits - digits.size(), '0') + digits;
}

std::optional<std::int64_t> step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  if (name.size() != kDigits ||
      name.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  return std::stoll(name);
}

std::vector<fs::path> newest_first(const fs::path& root) {
  std::error_code error;
  std::vector<fs::path> folders;
  if (!fs::exists(root, error)) return folders;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    if (step_of(entry.path())) folders.push_back(entry.path());
  }
  if (error) {
    throw Error(ErrorKind::data,
                root.string() + ": cannot list: " + error.message());
  }
  std::sort(folders.rbegin(), folders.rend());
  return folders;
}

// JSON has no NaN: it would come back as null.
void check_finite(const nlohmann::json& value, const std::string& where) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    throw Error(ErrorKind::run,
                "checkpoint state" + where + " is not a finite number");
  }
  if (!value.is_structured()) return;
  for (const auto& item : value.items()) {
    check_finite(item.value(), where + "/" + item.key());
  }
}

std::string state_text(const nlohmann::json& state) {
  check_finite(state, "");
  try {
    return state.dump(1) + "\n";
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorKind::run, "a text in the checkpoint state is not UTF-8");
  }
}

std::uint64_t num_bytes(const std::map<std::string, at::Tensor>& tensors) {
  std::uint64_t total = 0;
  for (const auto& [name, tensor] : tensors) {
    total += static_cast<std::uint64_t>(tensor.numel()) * tensor.itemsize();
  }
  return total;
}

std::string in_mib(std::uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

void check_space(const fs::path& root, std::uint64_t needed) {
  const std::uint64_t available = free_space(root);
  if (available >= needed) return;
  throw Error(ErrorKind::run,
              root.string() + ": no room for a checkpoint: " + in_mib(needed) +
                  " needed, " + in_mib(available) + " free",
              "free space, lower checkpoint.keep, or use another --runs "
              "folder; earlier checkpoints are untouched, 'shalab resume' "
              "goes on from the newest");
}

void create_root(const fs::path& root) {
  std::error_code error;
  fs::create_directories(root, error);
  if (error) {
    throw Error(ErrorKind::data,
                root.string() + ": cannot create: " + error.message());
  }
}

bool is_valid(const fs::path& folder) {
  try {
    verify_checkpoint(folder);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Renamed first: killed half-way, it leaves a leftover and no broken one.
void remove_folder(const fs::path& folder) {
  fs::path leftover = folder;
  leftover += ".tmp-0";
  std::error_code error;
  fs::rename(folder, leftover, error);
  if (!error) fs::remove_all(leftover, error);
  if (error) {
    throw Error(ErrorKind::data,
                folder.string() + ": cannot remove: " + error.message());
  }
}

std::string skipped_text(const fs::path& folder, const Error& error) {
  return "checkpoint " + folder.string() + " skipped: " + error.message();
}

}  // namespace

fs::path save_checkpoint(const fs::path& root, std::int64_t step,
                         const Checkpoint& checkpoint) {
  const fs::path target = root / folder_name(step);
  const std::string state = state_text(checkpoint.state);
  create_root(root);
  remove_leftovers(root);
  check_space(root, num_bytes(checkpoint.model) +
                        num_bytes(checkpoint.optimiser) + state.size() +
                        kSpareSpace);
  write_folder_atomically(target, [&](const fs::path& folder) {
    io::write_safetensors(folder / kModel, checkpoint.model);
    io::write_safetensors(folder / kOptimiser, checkpoint.optimiser);
    write_file_atomically(folder / kState, state);
    write_checkpoint_manifest(folder, step, file_names());
  });
  return target;
}

std::int64_t verify_checkpoint(const fs::path& folder) {
  const std::int64_t step = check_checkpoint_manifest(folder, file_names());
  const auto named = step_of(folder);
  if (named && *named != step) {
    throw Error(ErrorKind::resume,
                (folder / kManifest).string() + ": belongs to step " +
                    std::to_string(step) + ", not to this folder");
  }
  return step;
}

LoadedCheckpoint load_checkpoint(const fs::path& folder) {
  LoadedCheckpoint loaded;
  loaded.step = verify_checkpoint(folder);
  loaded.path = folder;
  try {
    loaded.checkpoint.model = io::read_safetensors(folder / kModel).tensors;
    loaded.checkpoint.optimiser =
        io::read_safetensors(folder / kOptimiser).tensors;
    loaded.checkpoint.state = nlohmann::json::parse(read_file(folder / kState));
  } catch (const Error& error) {
    throw Error(ErrorKind::resume, error.message(), error.hint());
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorKind::resume,
                (folder / kState).string() + ": not a JSON text");
  }
  return loaded;
}

std::optional<LoadedCheckpoint> load_newest(const fs::path& root) {
  std::vector<std::string> skipped;
  for (const fs::path& folder : newest_first(root)) {
    try {
      LoadedCheckpoint loaded = load_checkpoint(folder);
      loaded.skipped = std::move(skipped);
      return loaded;
    } catch (const Error& error) {
      skipped.push_back(skipped_text(folder, error));
    }
  }
  if (skipped.empty()) return std::nullopt;
  std::string reasons;
  for (const std::string& reason : skipped) reasons += "\n  " + reason;
  throw Error(ErrorKind::resume,
              root.string() + ": none of the checkpoints is valid:" + reasons,
              "restore one from a copy, or start the run anew");
}

void prune(const fs::path& root, std::int64_t keep,
           const std::set<std::int64_t>& keep_also) {
  SHALAB_CHECK(keep >= 1, "keep " + std::to_string(keep) + " checkpoints");
  std::int64_t num_valid = 0;
  for (const fs::path& folder : newest_first(root)) {
    if (num_valid < keep) {
      num_valid += is_valid(folder) ? 1 : 0;
    } else if (keep_also.count(*step_of(folder)) == 0) {
      remove_folder(folder);
    }
  }
}

}  // namespace shalab
