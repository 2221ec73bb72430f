#include "zoo.h"

ZOO_EXPORT int another_symbol() { return 1; }
