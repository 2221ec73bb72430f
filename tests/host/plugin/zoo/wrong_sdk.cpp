#include "zoo.h"

ZOO_PLUGIN(broken.sdk_hash = "0123abc")
