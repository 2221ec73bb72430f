#pragma once
// The plugin boundary: one exported C symbol, one struct, one macro.
//
// A plugin is one source file (or folder) in plugins/<kinds>/. It ends with
//
//   SHALAB_PLUGIN(prior, 1, "a Gaussian mixture, fitted by EM",
//                 declare_fields, make)
//
// where `declare_fields` is void(FieldList&) and `make` is the factory of its
// kind (fusion.h, prior.h, ...: std::unique_ptr<Prior>(const Settings&,
// const PriorContext&)). The name is the file's name: the build passes it.
// Nothing else is exported. The library is never unloaded.

#include <cstdint>

namespace shalab {

class FieldList;

// Bytes "SHALAB\0\1".
inline constexpr std::uint64_t kPluginMagic = 0x0100'4241'4C41'4853ULL;
inline constexpr const char* kPluginSymbol = "shalab_plugin";

// Read in this order, each a gate with its own message: magic, struct_size,
// sdk_hash, abi_stamp. Only then may the rest be touched. All strings are
// static. `make` points to a variable of type <Kind>Factory (see the kind's
// header); reading it as another kind is undefined, so check `kind` first.
struct PluginDescriptor {
  std::uint64_t magic;
  std::uint32_t struct_size;
  const char* sdk_hash;   // SHA-256 of the SDK headers it was built with
  const char* abi_stamp;  // compiler, C++ standard, libstdc++ ABI, LibTorch
  const char* kind;       // "fusion", "prior", ...
  const char* name;
  std::int32_t revision;  // changes when what it computes changes
  const char* summary;    // one line
  void (*declare_fields)(FieldList&);
  const void* make;
};

#define SHALAB_STRINGIFY_(x) #x
#define SHALAB_STRINGIFY(x) SHALAB_STRINGIFY_(x)
#ifndef SHALAB_LIBTORCH_VERSION
#define SHALAB_LIBTORCH_VERSION "unset"
#endif
#if defined(__clang__)
#define SHALAB_COMPILER_ "clang" SHALAB_STRINGIFY(__clang_major__)
#else
#define SHALAB_COMPILER_ "gcc" SHALAB_STRINGIFY(__GNUC__)
#endif
#ifdef _GLIBCXX_USE_CXX11_ABI
#define SHALAB_CXX11_ABI_ SHALAB_STRINGIFY(_GLIBCXX_USE_CXX11_ABI)
#else
#define SHALAB_CXX11_ABI_ "unset"
#endif
// Must match exactly between host and plugin, as must the hash of the SDK
// headers, which the build defines as SHALAB_SDK_HASH for plugins.
inline constexpr const char* kAbiStamp = SHALAB_COMPILER_
    " c++" SHALAB_STRINGIFY(__cplusplus) " cxx11abi" SHALAB_CXX11_ABI_
                                         " libtorch" SHALAB_LIBTORCH_VERSION;

}  // namespace shalab

#define SHALAB_PLUGIN(kind_, revision_, summary_, declare_, make_) \
  namespace {                                                      \
  const ::shalab::Factory_##kind_ shalab_factory_ = make_;         \
  }                                                                \
  extern "C" __attribute__((visibility("default")))                \
  const ::shalab::PluginDescriptor*                                \
  shalab_plugin() {                                                \
    static const ::shalab::PluginDescriptor descriptor{            \
        ::shalab::kPluginMagic,                                    \
        sizeof(::shalab::PluginDescriptor),                        \
        SHALAB_SDK_HASH,                                           \
        ::shalab::kAbiStamp,                                       \
        #kind_,                                                    \
        SHALAB_PLUGIN_NAME,                                        \
        revision_,                                                 \
        summary_,                                                  \
        declare_,                                                  \
        &shalab_factory_};                                         \
    return &descriptor;                                            \
  }
