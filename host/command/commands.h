#pragma once
// The table of all commands: what help lists is exactly what exists.

#include <string>
#include <vector>

#include "command/options.h"

namespace shalab {

// Returns the exit code; throws Error.
using CommandFunction = int (*)(const Invocation&);

struct Command {
  CommandSpec spec;
  CommandFunction run = nullptr;  // null: executed by shalab-engine
};

// In the order of help.
const std::vector<Command>& commands();
std::vector<CommandSpec> command_specs();
const Command* find_command(const std::string& name);

// The ones that need no tensors, one file each.
int command_check(const Invocation& invocation);
int command_plugins_list(const Invocation& invocation);
int command_plugins_show(const Invocation& invocation);
int command_data_list(const Invocation& invocation);
int command_data_show(const Invocation& invocation);
int command_runs_list(const Invocation& invocation);
int command_runs_show(const Invocation& invocation);
int command_runs_tag(const Invocation& invocation);
int command_runs_delete(const Invocation& invocation);
int command_table(const Invocation& invocation);
int command_sql(const Invocation& invocation);
int command_doctor(const Invocation& invocation);
int command_version(const Invocation& invocation);
int command_help(const Invocation& invocation);

// Help of the whole program, of one command or group ("plugins"), and the
// generated page docs/cli.md.
std::string program_help();
std::string command_help_text(const std::string& name);
std::string cli_markdown();

}  // namespace shalab
