#include "zoo.h"

ZOO_PLUGIN(static_cast<void>(0))
