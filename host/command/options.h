#pragma once
// The command line of `shalab` and `shalab-engine`.
//
// Global options stand before or after the command; an option of a command
// stands after it. No abbreviations, no guessing: what is unknown is refused
// with the nearest name. "--" ends the options. Positional arguments are kept
// as typed (key=value, +section, ~section among them).

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/terminal.h"
#include "shalab/services.h"

namespace shalab {

struct OptionSpec {
  std::string name;     // "--output"
  std::string letter;   // "-o", or ""
  std::string value;    // "FILE"; "" = a switch
  std::string meaning;  // one line of help
  bool repeats = false;
};

struct CommandSpec {
  std::string name;       // "run", "plugins show"
  std::string arguments;  // "CONFIG [key=value ...]"; usage text
  std::string meaning;    // one line of help
  std::vector<OptionSpec> options;
  bool needs_engine = false;
  bool is_default = false;  // what the first word alone means
  std::size_t min_arguments = 0;
  std::size_t max_arguments = 0;  // of positional arguments
};

struct GlobalOptions {
  std::filesystem::path db = "shalab.db";
  std::filesystem::path runs = "runs";
  std::string data;     // folders, colon separated; "" = the usual places
  std::string plugins;  // further folders
  std::string device;   // "" = what the config says
  Verbosity verbosity = Verbosity::normal;
  bool json = false;
  ColourMode colour = ColourMode::automatic;
};

struct Invocation {
  GlobalOptions options;
  std::string command;  // "plugins show"; "" = only help
  // Positional words. Engine commands parse their own options: for them all
  // words that are no global option, from the command's second word on.
  std::vector<std::string> arguments;
  // Of a torch-free command's own options, by name ("--output"), in the order
  // typed. A switch that was given has an empty value.
  std::map<std::string, std::vector<std::string>> values;
  bool wants_help = false;
  bool wants_version = false;

  bool has(const std::string& option) const;
  // The value, or `otherwise`; of a repeated option the last one.
  std::string value(const std::string& option,
                    const std::string& otherwise = "") const;
};

const std::vector<OptionSpec>& global_options();

// Environment (SHALAB_DB, SHALAB_RUNS) first, then the arguments. Throws
// Error(usage): unknown command or option (nearest named), a missing value, a
// value for a switch, an option given twice, too few or too many arguments.
Invocation parse_invocation(int argc, const char* const* argv,
                            const std::vector<CommandSpec>& specs);

// Data folders that exist, and the cache folder (command/places.h); quiet
// logger, progress and cancel token, to be replaced.
Services services_folders(const GlobalOptions& options);

// A whole number in the text of `option`, at least `minimum`; or Error(usage).
std::int64_t whole_number(const std::string& option, const std::string& text,
                          std::int64_t minimum);

}  // namespace shalab
