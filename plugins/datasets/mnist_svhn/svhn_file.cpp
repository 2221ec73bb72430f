#include "svhn_file.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <matio.h>

#include <memory>
#include <string>

#include "shalab/error.h"

namespace shalab::mnist_svhn {

namespace {

constexpr std::size_t kShape[] = {32, 32, 3};  // of a picture in the file
constexpr std::size_t kPixels = 32 * 32 * 3;
constexpr std::int64_t kZero = 10;           // label of digit 0
constexpr std::size_t kMaxExpansion = 1032;  // of deflate

[[noreturn]] void refuse(const std::filesystem::path& file,
                         const std::string& what) {
  throw Error(ErrorKind::data, file.string() + ": " + what,
              "expected SVHN's cropped digits: a MATLAB file with X, uint8 "
              "32 x 32 x 3 x N, and y, N labels of 1 to 10");
}

// What matio complains of. It reads what a damaged file leaves, says so to its
// log alone and returns success.
class MatioLog {
 public:
  MatioLog() {
    first().clear();
    Mat_LogInitFunc("shalab", &MatioLog::keep);
  }
  ~MatioLog() { Mat_LogClose(); }
  MatioLog(const MatioLog&) = delete;
  MatioLog& operator=(const MatioLog&) = delete;

  static std::string& first() {
    static std::string text;
    return text;
  }

 private:
  static void keep(int level, char* message) {
    constexpr int kNoComplaint = MATIO_LOG_LEVEL_MESSAGE;
    if (level < kNoComplaint && first().empty()) first() = message;
  }
};

using Variable = std::unique_ptr<matvar_t, decltype(&Mat_VarFree)>;

class MatFile {
 public:
  explicit MatFile(const std::filesystem::path& file)
      : file_(file), mat_(Mat_Open(file.c_str(), MAT_ACC_RDONLY), &Mat_Close) {
    if (mat_ == nullptr) refuse(file, "is no MATLAB file");
  }

  // Name, class and shape; no data yet.
  Variable find(const std::string& name) const {
    Variable found(Mat_VarReadInfo(mat_.get(), name.c_str()), &Mat_VarFree);
    if (found == nullptr) refuse(file_, "has no array " + name + because());
    if (found->isComplex != 0) refuse(file_, name + " is complex");
    return found;
  }

  void read(matvar_t& variable) const {
    const int failed = Mat_VarReadDataAll(mat_.get(), &variable);
    if (failed != 0 || variable.data == nullptr || !MatioLog::first().empty()) {
      refuse(file_, "is truncated or damaged" + because());
    }
  }

 private:
  static std::string because() {
    const std::string& text = MatioLog::first();
    return text.empty() ? "" : " (" + text + ")";
  }

  MatioLog log_;
  std::filesystem::path file_;
  std::unique_ptr<mat_t, decltype(&Mat_Close)> mat_;
};

std::string shape_text(const matvar_t& variable) {
  std::string text;
  for (int i = 0; i < variable.rank; ++i) {
    text += (i > 0 ? " x " : "") + std::to_string(variable.dims[i]);
  }
  return text;
}

bool has_picture_shape(const matvar_t& x) {
  return x.class_type == MAT_C_UINT8 && x.rank == 4 && x.dims[0] == kShape[0] &&
         x.dims[1] == kShape[1] && x.dims[2] == kShape[2] && x.dims[3] > 0;
}

at::Tensor read_pictures(const MatFile& mat,
                         const std::filesystem::path& file) {
  const Variable x = mat.find("X");
  if (!has_picture_shape(*x)) {
    refuse(file, "X is " + shape_text(*x) + " of MATLAB's class number " +
                     std::to_string(x->class_type));
  }
  if (x->dims[3] > std::filesystem::file_size(file) * kMaxExpansion / kPixels) {
    refuse(file,
           "is too short for " + std::to_string(x->dims[3]) + " pictures");
  }
  mat.read(*x);
  const auto count = static_cast<std::int64_t>(x->dims[3]);
  return at::from_blob(x->data, {count, 3, 32, 32}, at::kByte)
      .transpose(2, 3)
      .clone(at::MemoryFormat::Contiguous);
}

at::ScalarType label_type(const matvar_t& y,
                          const std::filesystem::path& file) {
  if (y.class_type == MAT_C_UINT8) return at::kByte;
  if (y.class_type == MAT_C_DOUBLE) return at::kDouble;
  refuse(file, "y is of MATLAB's class number " + std::to_string(y.class_type) +
                   ", neither uint8 nor double");
}

// int64 [count], 0 .. 9.
at::Tensor read_labels(const MatFile& mat, const std::filesystem::path& file,
                       std::int64_t count) {
  const Variable y = mat.find("y");
  const at::ScalarType type = label_type(*y, file);
  const auto wanted = static_cast<std::size_t>(count);
  if (y->rank != 2 || y->dims[0] * y->dims[1] != wanted ||
      (y->dims[0] != 1 && y->dims[1] != 1)) {
    refuse(file, "y is " + shape_text(*y) + " for " + std::to_string(count) +
                     " pictures");
  }
  mat.read(*y);
  const at::Tensor given = at::from_blob(y->data, {count}, type);
  const at::Tensor labels = given.to(at::kLong);
  const bool is_whole = labels.eq(given).all().item<bool>();
  const bool is_digit =
      labels.ge(1).logical_and(labels.le(kZero)).all().item<bool>();
  if (!is_whole || !is_digit) refuse(file, "y has other labels than 1 to 10");
  return labels.remainder(kZero);
}

}  // namespace

LabelledImages read_svhn_file(const std::filesystem::path& file) {
  const MatFile mat(file);
  LabelledImages pictures;
  pictures.images = read_pictures(mat, file);
  pictures.labels = read_labels(mat, file, pictures.images.size(0));
  return pictures;
}

}  // namespace shalab::mnist_svhn
