#include "kinds.h"

#include <c10/util/StringUtil.h>

#include "shalab/error.h"
#include "text.h"

namespace shalab::paired_folder {

namespace {

constexpr std::int64_t kMostSymbols = 100000;

[[noreturn]] void refuse(const Column& column, const std::string& what,
                         const std::string& cure) {
  throw Error(ErrorKind::data,
              column.origin + ": " + what + ", got " +
                  c10::toString(column.values.scalar_type()) + " " +
                  c10::str(column.values.sizes()),
              cure);
}

bool is_colour_count(std::int64_t channels) {
  return channels == 1 || channels == 3;
}

// [N, C, H, W].
at::Tensor channels_first(const Column& column) {
  const at::Tensor& values = column.values;
  if (values.dim() == 3) return values.unsqueeze(1);
  if (is_colour_count(values.size(1))) return values;
  if (is_colour_count(values.size(3))) {
    return values.permute({0, 3, 1, 2}).contiguous();
  }
  refuse(column, "a picture has 1 or 3 channels, first or last",
         "save it as [N, H, W, 3], [N, 3, H, W] or [N, H, W]");
}

at::Tensor compact_image(const Column& column) {
  const at::Tensor image = channels_first(column);
  if (image.numel() == 0) refuse(column, "a picture has no pixel", "");
  if (image.scalar_type() == at::kByte) return image;
  if (image.scalar_type() == at::kBool) return image.to(at::kByte).mul_(255);
  const bool is_unit = image.is_floating_point() &&
                       ((image >= 0) & (image <= 1)).all().item<bool>();
  if (!is_unit) {
    refuse(column, "pictures are uint8, bool, or float within 0..1",
           "for values 0..255 use array.astype('uint8'); flatten what is no "
           "picture to [N, D]");
  }
  return image.to(at::kFloat);
}

Modality as_image(const Column& column) {
  Modality result;
  result.data = compact_image(column);
  result.spec.kind = ModalityKind::image;
  result.spec.default_likelihood = "laplace";
  return result;
}

Modality as_vector(const Column& column, const at::Tensor& values) {
  Modality result;
  result.data = values.to(at::kFloat);
  if (!result.data.isfinite().all().item<bool>()) {
    refuse(column, "a value is not finite",
           "leave the tuple's file out, or fill the value in");
  }
  result.spec.kind = ModalityKind::vector;
  result.spec.default_likelihood = "normal";
  return result;
}

Modality as_numbers(const Column& column, const at::Tensor& values) {
  const std::int64_t largest = values.max().item<std::int64_t>();
  if (values.min().item<std::int64_t>() < 0 || largest >= kMostSymbols) {
    refuse(column, "tokens are whole numbers 0 to 99999",
           "for a vector save floats: array.astype('float32')");
  }
  Modality result;
  const bool is_small = largest < kByteSymbols;
  result.data = values.to(is_small ? at::kByte : at::kLong);
  for (std::int64_t symbol = 0; symbol <= largest; ++symbol) {
    result.spec.vocabulary.push_back(std::to_string(symbol));
  }
  result.spec.kind = ModalityKind::tokens;
  result.spec.default_likelihood = "categorical";
  return result;
}

Modality as_tokens(const Column& column, const at::Tensor& training,
                   const Settings& settings) {
  const Tokens tokens =
      tokens_of(column.texts, training, text_options(settings));
  Modality result;
  result.data = tokens.data;
  result.spec.vocabulary = tokens.vocabulary;
  result.spec.kind = ModalityKind::tokens;
  result.spec.default_likelihood = "categorical";
  return result;
}

Modality of_kind(const Column& column, const at::Tensor& training,
                 const Settings& settings) {
  if (!column.values.defined()) return as_tokens(column, training, settings);
  const std::int64_t rank = column.values.dim();
  if (rank == 3 || rank == 4) return as_image(column);
  if (rank > 4 || column.values.numel() == 0) {
    refuse(column, "an image, a vector or tokens for each tuple is expected",
           "shapes: [N, H, W, C], [N, D] or [N, T]");
  }
  const at::Tensor values =
      rank == 1 ? column.values.unsqueeze(1) : column.values;
  const bool is_vector =
      values.is_floating_point() || values.scalar_type() == at::kBool;
  return is_vector ? as_vector(column, values) : as_numbers(column, values);
}

}  // namespace

void declare_text_fields(FieldList& fields) {
  fields.choice("text_unit", "character", {"character", "word"},
                "what one token of a txt file is; words are cut at blanks and "
                "made lower case");
  fields
      .integer("text_length", 0,
               "tokens of a text, longer ones are cut; 0 = the longest "
               "training text")
      .range(0, 4096);
  fields
      .integer("min_count", 1,
               "rarer symbols of the training texts become <unk>")
      .at_least(1);
}

Modality as_modality(const Column& column, const at::Tensor& training,
                     const Settings& settings) {
  Modality result = of_kind(column, training, settings);
  result.spec.name = column.name;
  result.spec.shape = result.data.sizes().slice(1).vec();
  result.presence = column.presence;
  return result;
}

}  // namespace shalab::paired_folder
