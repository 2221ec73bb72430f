#pragma once
// A small plugin list and config that the tests of this folder share.

#include <functional>
#include <string>
#include <vector>

#include "config/resolve.h"
#include "shalab/error.h"

namespace shalab {

inline PluginInfo example_plugin(const std::string& kind,
                                 const std::string& name,
                                 const std::function<void(FieldList&)>& add) {
  PluginInfo info;
  info.kind = kind;
  info.name = name;
  add(info.fields);
  return info;
}

inline void add_diffusion(FieldList& fields) {
  fields.integer("epochs", 20, "passes").at_least(1).in("epochs");
  fields.integer("steps", 10, "solver steps").at_least(1).after_training();
  fields.real("guidance", 1.0, "guidance scale").at_least(0).after_training();
  fields.choice("sampler", "unipc2", {"unipc2", "ancestral"}, "solver")
      .after_training();
}

inline PluginList example_plugins() {
  const auto none = [](FieldList&) {};
  PluginList list;
  list.plugins = {
      example_plugin("dataset", "toy", none),
      example_plugin("encoder", "conv28",
                     [](FieldList& fields) {
                       fields.integer("width", 64, "channels").at_least(1);
                       fields.flag("gated", false, "gated decoder");
                     }),
      example_plugin("encoder", "token_conv",
                     [](FieldList& fields) {
                       fields.integer("width", 32, "channels").at_least(1);
                       fields.real("dropout", 0.0, "dropout").range(0, 1);
                     }),
      example_plugin("fusion", "concat",
                     [](FieldList& fields) {
                       fields.integer("hidden", 512, "units").at_least(1);
                     }),
      example_plugin("fusion", "poe",
                     [](FieldList& fields) {
                       fields.flag("prior_expert", true, "prior counts");
                       fields.list("order", {"a"}, "order").one_of({"a", "b"});
                     }),
      example_plugin("objective", "elbo", none),
      example_plugin("prior", "standard_normal", none),
      example_plugin("prior", "diffusion", add_diffusion),
      example_plugin("prior", "gaussian_mixture",
                     [](FieldList& fields) {
                       fields.integer("components", 40, "K").at_least(1);
                     }),
      example_plugin("metric", "coherence",
                     [](FieldList& fields) {
                       fields.choice("protocol", "mmvaeplus",
                                     {"mmvaeplus", "multivae"}, "protocol");
                       fields.text("judge", "own", "which judge");
                     }),
      example_plugin("refiner", "image_diffusion",
                     [](FieldList& fields) {
                       fields.integer("steps", 50, "steps").at_least(1);
                     }),
  };
  return list;
}

// Line 1 is [dataset].
inline const std::string kExample =
    "[dataset]\nplugin = toy\n"
    "[encoder]\nplugin = conv28\n"
    "[fusion]\nplugin = concat\n"
    "[objective]\nplugin = elbo\n"
    "[prior]\nplugin = standard_normal\n";

inline ResolvedConfig resolved(const std::string& more,
                               const std::vector<std::string>& arguments = {}) {
  return resolve_text(kExample + more, "exp.ini", arguments, example_plugins());
}

// What is thrown, as "message\nhint: hint"; fails when it is no usage error.
inline std::string usage_error(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.kind() == ErrorKind::usage ? error.what()
                                            : "another kind of error";
  }
  return "nothing was thrown";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace shalab
