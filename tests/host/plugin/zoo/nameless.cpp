#include "zoo.h"

ZOO_PLUGIN(broken.name = "")
