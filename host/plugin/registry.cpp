#include "plugin/registry.h"

#include <c10/util/Exception.h>

#include <new>

#include "base/digest.h"
#include "plugin/library.h"
#include "shalab/error.h"

namespace shalab {

namespace {

std::string label(const PluginInfo& info) {
  return info.kind + " plugin '" + info.name + "' (" + info.library.string() +
         ")";
}

void check_listed(const PluginInfo& info, const PluginDescriptor& descriptor) {
  const std::string found =
      std::string(descriptor.kind) + " '" + descriptor.name + "'";
  if (found != info.kind + " '" + info.name + "'") {
    throw Error(ErrorKind::plugin, label(info) + " turns out to be " + found,
                "build it again: its side metadata is stale");
  }
}

void check_digest(const PluginInfo& info) {
  if (info.sha256.empty() || sha256_file(info.library) == info.sha256) return;
  throw Error(ErrorKind::plugin,
              label(info) + " changed after it was described",
              "build it again: its side metadata is stale");
}

const PluginDescriptor& load_listed(const PluginInfo& info) {
  check_digest(info);
  const PluginDescriptor& descriptor = load_plugin(info.library);
  check_listed(info, descriptor);
  return descriptor;
}

[[noreturn]] void throw_plugin_threw(const PluginInfo& info,
                                     const std::string& what) {
  throw Error(ErrorKind::plugin,
              label(info) + " threw while it was made: " + what,
              "this is a defect of the plugin, or of a value given to it");
}

template <typename Work>
auto guarded(const PluginInfo& info, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    throw Error(ErrorKind::device,
                label(info) + ": " + error.what_without_backtrace());
  } catch (const c10::Error& error) {
    throw_plugin_threw(info, error.what_without_backtrace());
  } catch (const std::exception& error) {
    throw_plugin_threw(info, error.what());
  } catch (...) {
    throw_plugin_threw(info, "something that is no std::exception");
  }
}

template <typename Factory, typename Context>
auto make(const PluginInfo& info, const Settings& settings,
          const Context& context) {
  const PluginDescriptor& descriptor = load_listed(info);
  const auto& factory = *static_cast<const Factory*>(descriptor.make);
  auto made = guarded(info, [&] { return factory(settings, context); });
  if (!made) throw Error(ErrorKind::plugin, label(info) + " gave no object");
  return made;
}

}  // namespace

Registry::Registry(PluginList plugins) : plugins_(std::move(plugins)) {}

const PluginInfo& Registry::info_of(const std::string& kind,
                                    const std::string& name) const {
  return require_plugin(plugins_, kind, name, "plugins");
}

Settings Registry::settings_of(const std::string& kind,
                               const std::string& name) const {
  return Settings(info_of(kind, name).fields);
}

std::unique_ptr<Dataset> Registry::make_dataset(
    const std::string& name, const Settings& settings,
    const DatasetContext& context) const {
  return make<Factory_dataset>(info_of("dataset", name), settings, context);
}

std::shared_ptr<Encoder> Registry::make_encoder(
    const std::string& name, const Settings& settings,
    const EncoderContext& context) const {
  return make<Factory_encoder>(info_of("encoder", name), settings, context);
}

std::shared_ptr<Fusion> Registry::make_fusion(
    const std::string& name, const Settings& settings,
    const FusionContext& context) const {
  return make<Factory_fusion>(info_of("fusion", name), settings, context);
}

std::shared_ptr<Objective> Registry::make_objective(
    const std::string& name, const Settings& settings,
    const ObjectiveContext& context) const {
  return make<Factory_objective>(info_of("objective", name), settings, context);
}

std::shared_ptr<Prior> Registry::make_prior(const std::string& name,
                                            const Settings& settings,
                                            const PriorContext& context) const {
  return make<Factory_prior>(info_of("prior", name), settings, context);
}

std::unique_ptr<Metric> Registry::make_metric(
    const std::string& name, const Settings& settings,
    const MetricContext& context) const {
  return make<Factory_metric>(info_of("metric", name), settings, context);
}

}  // namespace shalab
