// The files that spoken_digits reads, and those that it refuses.

#include "spoken_digits_files.h"

namespace shalab {
namespace spoken_digits_files_test {

using namespace spoken;

class SpokenDigitsFiles : public SpokenDigitsTest {};

// tests/fixtures/fsdd/make.py.
Wave archived(int digit, int take) {
  Wave wave;
  for (int n = 0; n < 64; ++n) {
    wave.push_back(static_cast<std::int16_t>(
        (37 * n + 101 * digit + 59 * take) % 401 * 60 - 12000));
  }
  return wave;
}

const std::filesystem::path kArchive =
    SHALAB_SOURCE_DIR "/tests/fixtures/fsdd/recordings.zip";

TEST_F(SpokenDigitsFiles, ReadsAnArchiveAsItReadsTheFolder) {
  std::filesystem::create_directories(folder_.path() / "fsdd");
  const auto copy = folder_.path() / "fsdd" / "recordings.zip";
  std::filesystem::copy_file(kArchive, copy);
  const auto from_archive = make(kSmall);
  std::filesystem::remove(copy);
  for (int digit = 0; digit < 10; ++digit) {
    for (const int take : {0, 5, 10}) {
      write_wav(
          recording(std::to_string(digit) + "_anna_" + std::to_string(take)),
          archived(digit, take));
    }
  }
  const auto from_folder = make(kSmall);
  EXPECT_EQ(from_archive->fingerprint(), from_folder->fingerprint());
  EXPECT_TRUE(audio_of(*from_archive, Split::train)
                  .equal(audio_of(*from_folder, Split::train)));
}

TEST_F(SpokenDigitsFiles, RefusesADamagedArchive) {
  std::ifstream stream(kArchive, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  ASSERT_GT(bytes.size(), 2000U);
  std::filesystem::create_directories(folder_.path() / "fsdd");
  const auto copy = folder_.path() / "fsdd" / "recordings.zip";
  std::string flipped = bytes;
  flipped[400] = static_cast<char>(flipped[400] ^ 1);
  for (const std::string& broken : {bytes.substr(0, 1000), flipped}) {
    std::ofstream(copy, std::ios::binary) << broken;
    const auto [kind, text] = refused(kSmall);
    EXPECT_EQ(kind, static_cast<int>(ErrorKind::data)) << broken.size();
    EXPECT_NE(text.find("recordings.zip"), std::string::npos) << text;
  }
}

// One bad recording among the good ones.
class SpokenDigitsRefuses : public SpokenDigitsTest {
 protected:
  SpokenDigitsRefuses() {
    write_recordings([](int, int) { return Wave(300, 100); });
  }

  void expect_refused(const std::string& stem, const std::string& word) const {
    const auto [kind, text] = refused();
    EXPECT_EQ(kind, static_cast<int>(ErrorKind::data));
    EXPECT_NE(text.find(recording(stem).filename().string()), std::string::npos)
        << text;
    EXPECT_NE(text.find(word), std::string::npos) << text;
  }
};

TEST_F(SpokenDigitsRefuses, RecordingsOfAnotherFormat) {
  write_wav(recording("3_dora_0"), Wave(300, 1), {.channels = 2});
  expect_refused("3_dora_0", "2 channels at 8000 Hz");
  write_wav(recording("3_dora_0"), Wave(300, 1), {.rate = 16000});
  expect_refused("3_dora_0", "1 channels at 16000 Hz");
}

TEST_F(SpokenDigitsRefuses, TruncatedAndOtherFiles) {
  const auto file = recording("3_dora_0");
  write_wav(file, Wave(300, 1));
  std::filesystem::resize_file(file, 300);
  expect_refused("3_dora_0", "truncated: 300 bytes of 644");
  std::ofstream(file) << "this is no sound";
  expect_refused("3_dora_0", "not a WAV file");
  write_wav(file, {});
  expect_refused("3_dora_0", "no sample");
}

TEST_F(SpokenDigitsRefuses, NamesThatSayNoDigit) {
  write_wav(recording("three_dora_0"), Wave(300, 1));
  expect_refused("three_dora_0", "digit_speaker_take");
}

TEST_F(SpokenDigitsRefuses, ATakeThatIsThereTwice) {
  write_wav(recording("3_anna_05"), Wave(300, 1));
  const auto [kind, text] = refused();
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::data));
  EXPECT_NE(text.find("take 5 of digit 3 by anna"), std::string::npos) << text;
}

TEST_F(SpokenDigitsRefuses, ASplitWithoutADigit) {
  for (const char* name : {"4_anna_0", "4_bert_1", "4_carl_2"}) {
    std::filesystem::remove(recording(name));
  }
  const auto [kind, text] = refused();
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::data));
  EXPECT_NE(text.find("digit 4 is left for the test split"), std::string::npos)
      << text;
}

TEST_F(SpokenDigitsRefuses, KeysThatDoNotFit) {
  const int usage = static_cast<int>(ErrorKind::usage);
  EXPECT_EQ(refused({{"window", std::int64_t{255}}}).first, usage);
  EXPECT_EQ(refused({{"window", std::int64_t{128}}}).first, usage);
  EXPECT_NE(refused({{"mel_bands", std::int64_t{256}}})
                .second.find("fewer mel_bands"),
            std::string::npos);
  const auto [kind, text] =
      refused({{"split", std::string("speaker")},
               {"validation_speakers", std::vector<std::string>{"anna"}},
               {"test_speakers", std::vector<std::string>{"dora"}}});
  EXPECT_EQ(kind, usage);
  EXPECT_NE(text.find("by anna bert carl"), std::string::npos) << text;
}

TEST_F(SpokenDigitsFiles, NamesThePlacesWhenRecordingsAreMissing) {
  const auto [kind, text] = refused();
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::data));
  EXPECT_NE(text.find("fsdd/recordings"), std::string::npos);
  std::filesystem::create_directories(folder_.path() / "fsdd/recordings");
  EXPECT_NE(refused().second.find("no WAV file"), std::string::npos);
}

}  // namespace spoken_digits_files_test
}  // namespace shalab
