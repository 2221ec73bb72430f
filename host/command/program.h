#pragma once

namespace shalab {

// The program `shalab`: parses, runs torch-free commands in this process and
// replaces it by `shalab-engine`, with the same arguments, for the others.
// Returns the exit code. Never throws. [main]
int run_program(int argc, char** argv);

}  // namespace shalab
