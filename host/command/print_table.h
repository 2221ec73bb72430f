#pragma once
// Tables in the format that the user asks for.

#include <string>

#include "command/options.h"
#include "results/tables.h"

namespace shalab {

// --format, or json with --json, or text. Error(usage) on another word.
std::string table_format(const Invocation& invocation);

// To stdout; a note on stderr where rows were cut off.
void print_table(const Table& table, const std::string& format);

}  // namespace shalab
