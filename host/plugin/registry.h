#pragma once
// Makes objects out of plugins, by kind and name.
//
//   Registry registry(load_plugin_list(folders));
//   auto prior = registry.make_prior("diffusion", settings, context);
//
// A library is loaded when its first object is made. The side metadata it was
// listed by must still be true: a library that changed since is refused.

#include <memory>
#include <string>

#include "config/plugin_info.h"
#include "shalab/dataset.h"
#include "shalab/encoder.h"
#include "shalab/fusion.h"
#include "shalab/metric.h"
#include "shalab/objective.h"
#include "shalab/prior.h"

namespace shalab {

// All make_ functions throw Error(usage) for an unknown name (with the nearest
// one), Error(plugin) for a library that cannot be loaded, has another kind
// than listed, gives no object, or throws anything but shalab::Error; an Error
// of the plugin comes through unchanged, and so does std::bad_alloc.
// [main]
class Registry {
 public:
  explicit Registry(PluginList plugins);

  const PluginList& list() const { return plugins_; }

  // The defaults of a plugin's keys, and what is listed of it. Loads nothing.
  Settings settings_of(const std::string& kind, const std::string& name) const;
  const PluginInfo& info_of(const std::string& kind,
                            const std::string& name) const;

  std::unique_ptr<Dataset> make_dataset(const std::string& name,
                                        const Settings& settings,
                                        const DatasetContext& context) const;
  std::shared_ptr<Encoder> make_encoder(const std::string& name,
                                        const Settings& settings,
                                        const EncoderContext& context) const;
  std::shared_ptr<Fusion> make_fusion(const std::string& name,
                                      const Settings& settings,
                                      const FusionContext& context) const;
  std::shared_ptr<Objective> make_objective(
      const std::string& name, const Settings& settings,
      const ObjectiveContext& context) const;
  std::shared_ptr<Prior> make_prior(const std::string& name,
                                    const Settings& settings,
                                    const PriorContext& context) const;
  std::unique_ptr<Metric> make_metric(const std::string& name,
                                      const Settings& settings,
                                      const MetricContext& context) const;

 private:
  PluginList plugins_;
};

}  // namespace shalab
