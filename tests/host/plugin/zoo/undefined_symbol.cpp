#include "zoo.h"

int defined_nowhere();

ZOO_PLUGIN(broken.revision = defined_nowhere())
