#include "command/program.h"

// `shalab`: torch-free, so that listings answer at once.
int main(int argc, char** argv) { return shalab::run_program(argc, argv); }
