#pragma once
// The row of gates a plugin passes before anything of it is used (design 9).
//
// Each gate has its own message, which names the file, and its own hint. They
// run in a fixed order, because each one makes the next one's reads safe:
// permissions, (open, symbol: library.h), magic, size, SDK, ABI, contents.

#include <filesystem>
#include <string>

#include "shalab/plugin.h"

namespace shalab {

// Hash of the SDK headers that the host was built with. [any thread]
const char* host_sdk_hash();

// What this program accepts. Tests pass another one.
struct HostStamp {
  std::string sdk_hash = host_sdk_hash();
  std::string abi_stamp = kAbiStamp;
};

// Refuses a missing file, a file that everyone may write, and a file in a
// folder that everyone may write (a sticky folder such as /tmp is allowed):
// whoever can write there could run code as this user. Throws Error(plugin).
// [any thread]
void check_permissions(const std::filesystem::path& file);

// Refuses a descriptor that is null, has another magic or size, was built
// with other SDK headers or another ABI (both values shown), or lacks a name,
// kind or factory. Throws Error(plugin). [any thread]
void check_descriptor(const PluginDescriptor* descriptor,
                      const std::filesystem::path& file,
                      const HostStamp& host = {});

}  // namespace shalab
