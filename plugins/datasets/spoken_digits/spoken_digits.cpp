// A digit seen, heard and written: an MNIST image, a recording of the Free
// Spoken Digit Dataset (Jackson et al., 2016) as a log-mel image, and the
// English word. Images and recordings are paired by digit.

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <utility>

#include "log_mel.h"
#include "recordings.h"
#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/tensors.h"
#include "shalab/pairing.h"
#include "shalab/resident_dataset.h"
#include "tuples.h"

namespace shalab::spoken_digits {
namespace {

constexpr std::int64_t kSide = 28;
constexpr std::int64_t kWordLength = 8;
constexpr const char* kAlphabet = " abcdefghijklmnopqrstuvwxyz";
constexpr const char* kWords[kClasses] = {"zero",  "one",  "two", "three",
                                          "four",  "five", "six", "seven",
                                          "eight", "nine"};

void declare_fields(FieldList& fields) {
  declare_split_fields(fields);
  fields.integer("mel_bands", 32, "rows of the audio image").range(4, 512);
  fields.integer("frames", 32, "columns of the audio image").range(4, 512);
  fields.integer("hop", 256, "from frame to frame; frames x hop is heard")
      .range(2, 8000)
      .in("samples of 1/8000 s");
  fields.integer("window", 512, "length of a frame")
      .range(4, 16000)
      .in("samples of 1/8000 s");
  fields.integer("seed", 1, "pairs images and recordings").at_least(0);
  fields.integer("train_limit", 0, "training tuples to keep, 0 = all 55,000")
      .at_least(0);
  fields.integer("test_limit", 0, "test tuples to keep, 0 = all 10,000")
      .at_least(0);
}

LogMelOptions log_mel_options(const Settings& settings) {
  const LogMelOptions options{
      kRate, settings.integer("mel_bands"), settings.integer("frames"),
      settings.integer("hop"), settings.integer("window")};
  if (options.window < options.hop || options.window % 2 != 0 ||
      options.hop % 2 != 0) {
    throw Error(ErrorKind::usage,
                "dataset.window = " + std::to_string(options.window) +
                    ", dataset.hop = " + std::to_string(options.hop) +
                    ": both must be even, and the window no shorter than the "
                    "hop",
                "for example window = 512, hop = 256");
  }
  return options;
}

struct Digits {
  at::Tensor images;  // uint8 [N, 28, 28]
  at::Tensor labels;  // int64 [N]
};

Digits read_digits(const std::string& part, const Services& services,
                   Digest64& digest) {
  const auto find = [&](const std::string& name) {
    return services.find_data("mnist/" + part + name, "MNIST, IDX format");
  };
  const auto file = find("-images-idx3-ubyte.gz");
  const io::Array images = io::read_idx(file);
  const io::Array labels = io::read_idx(find("-labels-idx1-ubyte.gz"));
  if (images.shape.size() != 3 || images.shape[1] != kSide ||
      images.shape[2] != kSide || labels.shape.size() != 1 ||
      labels.shape[0] != images.shape[0] || images.shape[0] == 0) {
    throw Error(ErrorKind::data,
                file.string() +
                    " and its labels are not N x 28 x 28 images and N labels");
  }
  digest.add(images.bytes.data(), images.bytes.size());
  digest.add(labels.bytes.data(), labels.bytes.size());
  Digits digits{io::to_tensor(images), io::to_tensor(labels).to(at::kLong)};
  if (digits.labels.max().item<std::int64_t>() >= kClasses) {
    throw Error(ErrorKind::data, file.string() + " has labels above 9");
  }
  return digits;
}

std::filesystem::path find_recordings(const Services& services) {
  try {
    return services.find_data("fsdd/recordings", "FSDD, a folder");
  } catch (const Error&) {
    return services.find_data("fsdd/recordings.zip",
                              "FSDD: 3,000 WAV files in this archive or in a "
                              "folder fsdd/recordings");
  }
}

// All recordings as log-mel images, uint8 [N, 1, bands, frames].
at::Tensor audio_images(const std::vector<Recording>& recordings,
                        const LogMelOptions& options, Digest64& digest) {
  std::vector<at::Tensor> waves;
  for (const Recording& recording : recordings) {
    digest.add(std::to_string(recording.digit) + " " + recording.speaker + " " +
               std::to_string(recording.take));
    digest.add(recording.samples.const_data_ptr(), recording.samples.nbytes());
    waves.push_back(centred(recording.samples, options.samples()));
  }
  return log_mel_images(at::stack(waves), options);
}

// The words in tokens, padded with blanks: uint8 [10, 8].
at::Tensor spellings() {
  const std::string alphabet = kAlphabet;
  at::Tensor table = at::zeros({kClasses, kWordLength}, at::kByte);
  for (std::int64_t digit = 0; digit < kClasses; ++digit) {
    const std::string word = kWords[digit];
    for (std::size_t i = 0; i < word.size(); ++i) {
      table[digit][static_cast<std::int64_t>(i)] =
          static_cast<std::int64_t>(alphabet.find(word[i]));
    }
  }
  return table;
}

struct Material {
  Digits train;
  Digits test;
  at::Tensor audio;  // uint8 [N, 1, bands, frames], by recording
  std::array<Repertoire, 3> repertoires;
};

ResidentSplit compose_split(const Material& material, const at::Tensor& tuples,
                            std::uint64_t seed, Split split) {
  const Digits& digits = split == Split::test ? material.test : material.train;
  ResidentSplit result;
  result.labels = digits.labels.index_select(0, tuples);
  const at::Tensor heard = partners(
      result.labels, material.repertoires[static_cast<std::size_t>(split)],
      seed, split);
  result.data = {digits.images.index_select(0, tuples).unsqueeze(1),
                 material.audio.index_select(0, heard),
                 spellings().index_select(0, result.labels)};
  return result;
}

// The validation split is the end of the shuffled training images, whatever
// the limit.
std::array<ResidentSplit, 3> compose_splits(const Material& material,
                                            const Settings& settings) {
  const auto seed = static_cast<std::uint64_t>(settings.integer("seed"));
  RecipeStream stream(seed, "spoken_digits/order/train");
  const at::Tensor order = permutation(material.train.labels.numel(), stream);
  const std::int64_t held_out = validation_share(order.numel());
  const std::int64_t training = order.numel() - held_out;
  const std::int64_t testing =
      limited(material.test.labels.numel(), settings.integer("test_limit"));
  const at::Tensor kept =
      order.narrow(0, 0, limited(training, settings.integer("train_limit")));
  return {compose_split(material, kept, seed, Split::train),
          compose_split(material, order.narrow(0, training, held_out), seed,
                        Split::validation),
          compose_split(material, at::arange(testing), seed, Split::test)};
}

std::vector<ModalitySpec> specs(const LogMelOptions& options) {
  std::vector<std::string> letters;
  for (const char letter : std::string(kAlphabet)) {
    letters.emplace_back(1, letter);
  }
  return {{.name = "image",
           .kind = ModalityKind::image,
           .shape = {1, kSide, kSide},
           .vocabulary = {},
           .default_likelihood = "normal"},
          {.name = "audio",
           .kind = ModalityKind::image,
           .shape = {1, options.bands, options.frames},
           .vocabulary = {},
           .default_likelihood = "normal"},
          {.name = "word",
           .kind = ModalityKind::tokens,
           .shape = {kWordLength},
           .vocabulary = letters,
           .default_likelihood = "categorical"}};
}

class SpokenDigits : public ResidentDataset {
 public:
  SpokenDigits(const Settings& settings, const LogMelOptions& options,
               std::array<ResidentSplit, 3> splits, std::string key)
      : ResidentDataset(specs(options), std::move(splits)),
        key_(std::move(key)),
        has_known_voices_(settings.text("split") == "take"),
        test_limit_(settings.integer("test_limit")) {}

  std::int64_t num_classes() const override { return kClasses; }
  std::string judge_key() const override { return key_; }

  std::string fingerprint() const override {
    if (test_limit_ == 0) return key_;
    return key_ + " test_limit=" + std::to_string(test_limit_);
  }

  std::string note() const override {
    const std::string voices =
        has_known_voices_ ? "new takes of the speakers heard in training"
                          : "speakers not heard in training";
    return "spoken_digits: each recording stands in many tuples of its split; "
           "the test recordings are " +
           voices;
  }

  std::vector<JudgeSource> judge_sources() const override {
    JudgeSource official;
    official.kind = JudgeSource::Kind::official;
    official.architecture = "mst_mnist";
    official.file = "classifiers/mst_mnist.npz";
    JudgeSource trained;
    trained.kind = JudgeSource::Kind::trained;
    JudgeSource lexicon;
    lexicon.kind = JudgeSource::Kind::lexicon;
    lexicon.spellings = spellings().to(at::kLong).unbind(0);
    return {official, trained, lexicon};
  }

 private:
  std::string key_;
  bool has_known_voices_;
  std::int64_t test_limit_;
};

// All that decides what a tuple is, but the limits.
std::string key_of(const Settings& settings, const Digest64& source) {
  std::string key = "spoken_digits/1";
  for (const std::string name :
       {"seed", "split", "mel_bands", "frames", "hop", "window"}) {
    key += " " + name + "=" + to_text(settings.value(name));
  }
  if (settings.text("split") == "speaker") {
    for (const std::string name : {"validation_speakers", "test_speakers"}) {
      key += " " + name + "=" + to_text(settings.value(name));
    }
  }
  return key + " source=" + source.hex();
}

std::unique_ptr<Dataset> make(const Settings& settings,
                              const DatasetContext& context) {
  const LogMelOptions options = log_mel_options(settings);
  const std::vector<Recording> recordings =
      read_recordings(find_recordings(context.services));
  Digest64 digest;
  Material material;
  material.repertoires = divide(recordings, settings);
  material.train = read_digits("train", context.services, digest);
  material.test = read_digits("t10k", context.services, digest);
  material.audio = audio_images(recordings, options, digest);
  return std::make_unique<SpokenDigits>(settings, options,
                                        compose_splits(material, settings),
                                        key_of(settings, digest));
}

}  // namespace
}  // namespace shalab::spoken_digits

SHALAB_PLUGIN(dataset, 1,
              "an MNIST digit, the same digit spoken (FSDD) and its word",
              shalab::spoken_digits::declare_fields,
              shalab::spoken_digits::make)
