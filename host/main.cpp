// `shalab`: the torch-free program. See command/program.h.

int main() { return 0; }
