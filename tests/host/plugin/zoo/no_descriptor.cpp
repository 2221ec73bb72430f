#include "zoo.h"

ZOO_EXPORT const shalab::PluginDescriptor* shalab_plugin() { return nullptr; }
