#pragma once
// Command-line arguments that change a config:
//
//   train.epochs=3                     sets a key; the section must be there
//   fitted_prior.diffusion.epochs=3    the key is what follows the last dot
//   +metric.kid                        adds a section
//   +metric.kid.subsets=10             adds it, if need be, and sets a key
//   ~metric.kid                        removes a section

#include <string>
#include <vector>

#include "config/config_file.h"

namespace shalab {

struct Override {
  enum class Action { set, add, remove };
  Action action = Action::set;
  std::string section;
  std::string key;   // "" for a whole section
  std::string text;  // trimmed value
  Origin origin;     // command line, with what was typed
};

// Throws Error(usage) that repeats what was typed: no '=', no dot, malformed
// names, `~section.key=value`, a value that no config file could hold (control
// characters, a '#' at its start or after a space).
Override parse_override(const std::string& argument);

// All of them, in order; setting one key twice is refused with both.
std::vector<Override> parse_overrides(
    const std::vector<std::string>& arguments);

// "train.epochs=3", "+metric.kid", "~metric.kid": tells an override from
// another argument of a command. No check beyond its outer form.
bool looks_like_override(const std::string& argument);

}  // namespace shalab
