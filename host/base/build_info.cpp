#include "base/build_info.h"

namespace shalab {

const BuildInfo& build_info() {
  static const BuildInfo info{SHALAB_VERSION,  SHALAB_SOURCE_VERSION,
                              SHALAB_COMPILER, SHALAB_BUILD_TYPE,
                              SHALAB_SDK_HASH, SHALAB_LIBTORCH_VERSION};
  return info;
}

std::vector<std::pair<std::string, std::string>> build_facts() {
  const BuildInfo& info = build_info();
  return {{"version", info.version},   {"source", info.source},
          {"compiler", info.compiler}, {"build_type", info.build_type},
          {"sdk_hash", info.sdk_hash}, {"libtorch", info.libtorch}};
}

std::string version_text() {
  const BuildInfo& info = build_info();
  std::string text = "shalab " + info.version;
  if (!info.source.empty()) text += " (" + info.source + ")";
  text += "\ncompiler    " + info.compiler;
  text += "\nbuild type  " + info.build_type;
  text += "\nLibTorch    " + info.libtorch;
  text += "\nSDK hash    " + info.sdk_hash + "\n";
  return text;
}

}  // namespace shalab
