#include "zoo.h"

ZOO_PLUGIN(broken.abi_stamp = "gcc4 c++98")
