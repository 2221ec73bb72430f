#include "command/engine/recorder.h"

#include "base/digest.h"

namespace shalab {

namespace {

WriterOptions writer_options(Logger& logger) {
  WriterOptions options;
  options.on_problem = [&logger](const Error& error) {
    logger.warn(error.message() + " (rows are kept and written later)");
  };
  return options;
}

}  // namespace

Recorder::Recorder(RunStore& store, std::string run_id, std::int64_t attempt,
                   std::filesystem::path run_folder, Logger& logger)
    : store_(store),
      run_id_(std::move(run_id)),
      attempt_(attempt),
      run_folder_(std::move(run_folder)),
      writer_(store.db().path(), run_id_, attempt, store.event_log(run_id_),
              writer_options(logger)) {}

void Recorder::curves(const std::vector<TermPoint>& points) {
  std::vector<CurvePoint> rows;
  rows.reserve(points.size());
  for (const auto& point : points) {
    rows.push_back({point.stage, point.step, point.name, point.value});
  }
  writer_.add(rows);
}

void Recorder::measurements(const std::vector<Measurement>& rows) {
  writer_.add(rows);
}

void Recorder::artifact(const std::string& kind,
                        const std::filesystem::path& file) {
  writer_.flush();
  Artifact row;
  row.kind = kind;
  row.path = std::filesystem::relative(file, run_folder_).string();
  row.sha256 = sha256_file(file);
  row.bytes = static_cast<std::int64_t>(std::filesystem::file_size(file));
  store_.add_artifact(run_id_, attempt_, row);
}

void Recorder::flush() { writer_.flush(); }

}  // namespace shalab
