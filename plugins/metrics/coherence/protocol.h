#pragma once
// What the protocols of coherence share: the judges, the joint draws, the rows.

#include <string>
#include <vector>

#include "shalab/metric.h"
#include "shalab/nn/measuring.h"

namespace shalab {

// hits [B, M]: 1 where the judge of modality m finds the class of the tuple.
// A judgement of -1 (no class) is never right. Double.
at::Tensor judged_right(const Generated& generated);

class CoherenceProtocol : public Metric {
 public:
  CoherenceProtocol(MetricContext context, std::string protocol)
      : context_(std::move(context)), protocol_(std::move(protocol)) {}

  std::vector<GenerationTask> tasks() final;
  void observe(const Generated& generated) final;
  std::vector<Measurement> finish() final;

 protected:
  // The subsets S to draw the other modalities from.
  virtual std::vector<ModalitySubset> sources() const = 0;
  virtual void observe_conditional(const Generated& generated) = 0;
  virtual bool observed_conditional() const = 0;
  virtual void report_conditional(std::vector<Measurement>& rows) const = 0;

  const MetricContext& context() const { return context_; }
  // Appends a row, unless nothing was counted.
  void push(std::vector<Measurement>& rows, const std::string& name,
            const Estimate& estimate, const std::string& source,
            const std::string& target) const;

 private:
  void require_judges() const;
  void observe_joint(const Generated& generated);
  void report_joint(std::vector<Measurement>& rows) const;
  void report_judges(std::vector<Measurement>& rows) const;

  MetricContext context_;
  std::string protocol_;
  ColumnMeans joint_;        // agreement
  at::Tensor class_counts_;  // [C]: agreeing draws of each class
};

}  // namespace shalab
