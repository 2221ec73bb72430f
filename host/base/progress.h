#pragma once
// How far a long step is, on stderr.
//
//   train  [########..........]  41%  1107/2700  310/s  ETA 0:05  loss 31.2
//
// On a terminal one line that is redrawn, elsewhere a plain line at most every
// ten seconds, nothing with -q.

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "shalab/services.h"

namespace shalab {

struct ProgressState {
  std::string stage;
  std::int64_t done = 0;
  std::int64_t total = 0;  // 0 = unknown: neither bar nor percentage nor ETA
  double seconds = 0.0;    // since begin()
  std::string extra;       // "loss 31.2"
};

// One line of at most `width` columns. The bar shrinks first, then the extra
// text is cut.
std::string progress_bar(const ProgressState& state, int width);

// The same without a bar: "train: 41% 1107/2700, 310/s, ETA 0:05, loss 31.2".
std::string progress_text(const ProgressState& state);

// "0:05", "12:34", "3:02:01" for whole seconds.
std::string duration_text(double seconds);

enum class ProgressStyle { silent, plain, bar };

// Bar on a terminal, plain elsewhere, silent with `quiet`.
ProgressStyle progress_style(bool quiet);

struct ProgressOptions {
  ProgressStyle style = ProgressStyle::silent;
  double plain_seconds = 10.0;  // between two plain lines
  double bar_seconds = 0.1;     // between two redraws
  // Where text goes and what time it is (seconds); tests give their own.
  std::function<void(const std::string&)> write;
  std::function<double()> now;
};

// begin, update any number of times, end. A step that reports without begin
// opens its own stage, named by `what`. Cheap enough for each iteration.
// [any thread]
class ProgressDisplay : public Progress {
 public:
  explicit ProgressDisplay(ProgressOptions options);
  ~ProgressDisplay() override;

  void begin(const std::string& stage, std::int64_t total);
  void update(std::int64_t done, const std::string& extra = "");
  void end();
  void report(const std::string& what, std::int64_t done,
              std::int64_t total) override;

  // Takes the bar off its line, so that a log line can stand there. The next
  // update draws it again.
  void hide();

 private:
  void start(const std::string& stage, std::int64_t total);
  void finish();
  void show(bool final);
  void erase();

  ProgressOptions options_;
  std::mutex mutex_;
  ProgressState state_;
  bool active_ = false;
  bool drawn_ = false;    // the bar stands on the line
  bool printed_ = false;  // a plain line of this stage was written
  double begun_ = 0.0;
  double last_shown_ = 0.0;
};

}  // namespace shalab
