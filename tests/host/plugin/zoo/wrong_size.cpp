#include "zoo.h"

ZOO_PLUGIN(broken.struct_size = 8)
