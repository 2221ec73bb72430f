#include "zoo.h"

ZOO_PLUGIN(broken.magic = 0x1234)
