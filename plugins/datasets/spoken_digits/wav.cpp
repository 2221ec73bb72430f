#include "wav.h"

#include <ATen/ops/empty.h>
#include <sndfile.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "shalab/error.h"

namespace shalab::spoken_digits {

namespace {

constexpr std::size_t kRiffHeader = 12;  // "RIFF", size, "WAVE"

[[noreturn]] void refuse(const std::string& origin, const std::string& what,
                         const std::string& cure) {
  throw Error(ErrorKind::data, origin + ": " + what, cure);
}

// libsndfile takes a file that ends early for a shorter one.
void check_riff(const std::string& origin, std::string_view bytes) {
  if (bytes.size() < kRiffHeader || !bytes.starts_with("RIFF") ||
      bytes.substr(8, 4) != "WAVE") {
    refuse(origin, "not a WAV file", "recordings are WAV files, 8 kHz mono");
  }
  std::uint64_t size = 8;
  for (std::size_t i = 0; i < 4; ++i) {
    size += std::uint64_t{static_cast<unsigned char>(bytes[4 + i])} << (8 * i);
  }
  if (size > bytes.size()) {
    refuse(origin,
           "truncated: " + std::to_string(bytes.size()) + " bytes of " +
               std::to_string(size),
           "copy the file again");
  }
}

// A file in memory as libsndfile asks for it.
struct Memory {
  std::string_view bytes;
  sf_count_t at = 0;

  sf_count_t size() const { return static_cast<sf_count_t>(bytes.size()); }
};

sf_count_t size_of(void* user) { return static_cast<Memory*>(user)->size(); }

sf_count_t place_of(void* user) { return static_cast<Memory*>(user)->at; }

sf_count_t seek(sf_count_t offset, int whence, void* user) {
  auto* memory = static_cast<Memory*>(user);
  if (whence == SEEK_CUR) offset += memory->at;
  if (whence == SEEK_END) offset += memory->size();
  if (offset < 0 || offset > memory->size()) return -1;
  return memory->at = offset;
}

sf_count_t read(void* out, sf_count_t count, void* user) {
  auto* memory = static_cast<Memory*>(user);
  count = std::min(count, memory->size() - memory->at);
  std::memcpy(out, memory->bytes.data() + memory->at,
              static_cast<std::size_t>(count));
  memory->at += count;
  return count;
}

sf_count_t write(const void*, sf_count_t, void*) { return 0; }

void check_format(const std::string& origin, const SF_INFO& info,
                  std::int64_t rate) {
  if (info.channels != 1 || info.samplerate != rate) {
    refuse(
        origin,
        std::to_string(info.channels) + " channels at " +
            std::to_string(info.samplerate) + " Hz; 1 channel at " +
            std::to_string(rate) + " Hz expected",
        "convert it: sox IN.wav -r " + std::to_string(rate) + " -c 1 OUT.wav");
  }
  if (info.frames < 1) refuse(origin, "no sample in it", "record it again");
}

}  // namespace

at::Tensor decode_wav(const std::string& origin, const std::string& bytes,
                      std::int64_t rate) {
  check_riff(origin, bytes);
  Memory memory{bytes};
  SF_VIRTUAL_IO io{size_of, seek, read, write, place_of};
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, decltype(&sf_close)> file(
      sf_open_virtual(&io, SFM_READ, &info, &memory), sf_close);
  if (!file) {
    refuse(origin, std::string("damaged: ") + sf_strerror(nullptr),
           "copy the file again");
  }
  check_format(origin, info, rate);
  at::Tensor samples = at::empty({info.frames}, at::kDouble);
  const sf_count_t done =
      sf_readf_double(file.get(), samples.data_ptr<double>(), info.frames);
  if (done != info.frames || !samples.isfinite().all().item<bool>()) {
    refuse(origin,
           std::to_string(done) + " of " + std::to_string(info.frames) +
               " samples can be read, or some are not finite",
           "copy the file again");
  }
  return samples;
}

}  // namespace shalab::spoken_digits
