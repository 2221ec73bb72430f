#include "run/picture.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <sstream>

namespace shalab {

namespace {

constexpr std::int64_t kGap = 2;
constexpr std::int64_t kGlyphWidth = 4;
constexpr std::int64_t kGlyphHeight = 5;
constexpr std::int64_t kLineHeight = kGlyphHeight + 1;
constexpr std::int64_t kLineLength = 32;  // characters of a line of words
constexpr std::int64_t kLines = 6;        // the rest of a caption is cut off
constexpr std::array<std::uint8_t, 3> kInk{20, 20, 20};
constexpr std::array<std::uint8_t, 3> kFrame{220, 60, 20};

// Rows of 3 pixels, each an octal digit, the left pixel its highest bit.
const char* glyph(char c) {
  static const std::map<char, const char*> glyphs{
      {'A', "25755"}, {'B', "65656"}, {'C', "34443"}, {'D', "65556"},
      {'E', "74647"}, {'F', "74644"}, {'G', "34553"}, {'H', "55755"},
      {'I', "72227"}, {'J', "11152"}, {'K', "55655"}, {'L', "44447"},
      {'M', "57755"}, {'N', "65555"}, {'O', "25552"}, {'P', "65644"},
      {'Q', "25573"}, {'R', "65655"}, {'S', "34216"}, {'T', "72222"},
      {'U', "55557"}, {'V', "55552"}, {'W', "55775"}, {'X', "55255"},
      {'Y', "55222"}, {'Z', "71247"}, {'0', "75557"}, {'1', "26227"},
      {'2', "71747"}, {'3', "71717"}, {'4', "55711"}, {'5', "74717"},
      {'6', "74757"}, {'7', "71111"}, {'8', "75757"}, {'9', "75717"},
      {'.', "00002"}, {'-', "00700"}, {' ', "00000"}};
  const auto upper =
      static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto found = glyphs.find(upper);
  return found == glyphs.end() ? "75277" : found->second;
}

class Canvas {
 public:
  Canvas(std::int64_t width, std::int64_t height)
      : image_{width, height, 3, {}} {
    image_.pixels.assign(static_cast<std::size_t>(width * height * 3), 255);
  }

  void set(std::int64_t x, std::int64_t y,
           const std::array<std::uint8_t, 3>& colour) {
    auto* pixel = &image_.pixels[(y * image_.width + x) * 3];
    std::copy(colour.begin(), colour.end(), pixel);
  }

  void text(std::int64_t x, std::int64_t y, const std::string& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const char* rows = glyph(words[i]);
      for (std::int64_t row = 0; row < kGlyphHeight; ++row) {
        for (std::int64_t column = 0; column < 3; ++column) {
          if (((rows[row] - '0') >> (2 - column)) & 1) {
            set(x + static_cast<std::int64_t>(i) * kGlyphWidth + column,
                y + row, kInk);
          }
        }
      }
    }
  }

  // image: uint8 [C, H, W] on the CPU.
  void picture(std::int64_t x, std::int64_t y, const at::Tensor& image) {
    const auto view = image.accessor<std::uint8_t, 3>();
    const bool grey = view.size(0) == 1;
    for (std::int64_t row = 0; row < view.size(1); ++row) {
      for (std::int64_t column = 0; column < view.size(2); ++column) {
        set(x + column, y + row,
            {view[0][row][column], view[grey ? 0 : 1][row][column],
             view[grey ? 0 : 2][row][column]});
      }
    }
  }

  void frame(std::int64_t y, std::int64_t height) {
    for (std::int64_t row = y; row < y + height; ++row) {
      set(0, row, kFrame);
      set(image_.width - 1, row, kFrame);
    }
  }

  // Around the rectangle, in the gap.
  void outline(std::int64_t x, std::int64_t y, std::int64_t width,
               std::int64_t height) {
    for (std::int64_t row = y - 1; row <= y + height; ++row) {
      set(x - 1, row, kFrame);
      set(x + width, row, kFrame);
    }
    for (std::int64_t column = x; column < x + width; ++column) {
      set(column, y - 1, kFrame);
      set(column, y + height, kFrame);
    }
  }

  io::Image enlarged(std::int64_t scale) const {
    io::Image result{image_.width * scale, image_.height * scale, 3, {}};
    result.pixels.resize(static_cast<std::size_t>(result.width) *
                         result.height * 3);
    for (std::int64_t y = 0; y < result.height; ++y) {
      for (std::int64_t x = 0; x < result.width; ++x) {
        const auto from = ((y / scale) * image_.width + x / scale) * 3;
        std::copy_n(&image_.pixels[from], 3,
                    &result.pixels[(y * result.width + x) * 3]);
      }
    }
    return result;
  }

 private:
  io::Image image_;
};

struct Size {
  std::int64_t width = 0;
  std::int64_t height = 0;
};

// Symbols are words, not letters (a few of several letters may be marks).
bool has_words(const ModalitySpec& modality) {
  const auto& symbols = modality.vocabulary;
  const auto longer = std::count_if(
      symbols.begin(), symbols.end(),
      [](const std::string& symbol) { return symbol.size() > 1; });
  return 2 * static_cast<std::size_t>(longer) > symbols.size();
}

// Lines of at most kLineLength characters, broken at blanks.
std::vector<std::string> wrapped(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    word.resize(std::min<std::size_t>(word.size(), kLineLength));
    if (lines.empty() || lines.back().size() + 1 + word.size() > kLineLength) {
      lines.push_back(word);
    } else {
      lines.back() += " " + word;
    }
  }
  lines.resize(std::min<std::size_t>(lines.size(), kLines));
  return lines;
}

Size cell_size(const ModalitySpec& modality) {
  if (modality.kind == ModalityKind::image) {
    return {modality.shape[2], modality.shape[1]};
  }
  if (has_words(modality)) {
    return {kLineLength * kGlyphWidth, kLines * kLineHeight};
  }
  return {modality.shape[0] * kGlyphWidth, kGlyphHeight};
}

void draw_tokens(Canvas& canvas, std::int64_t x, std::int64_t y,
                 const at::Tensor& tokens, const ModalitySpec& modality) {
  const auto text = token_text(tokens, modality);
  if (!has_words(modality)) return canvas.text(x, y, text);
  for (const std::string& line : wrapped(text)) {
    canvas.text(x, y, line);
    y += kLineHeight;
  }
}

CellMark mark_of(const GridRow& row, std::int64_t n) {
  return row.marks.empty() ? CellMark::plain
                           : row.marks.at(static_cast<std::size_t>(n));
}

at::Tensor levels(const at::Tensor& images) {
  return images.to(at::kFloat)
      .clamp(0, 1)
      .mul(255)
      .round()
      .to(at::kByte)
      .cpu()
      .contiguous();
}

// The row's cells, each in the middle of `width` pixels.
void draw_row(Canvas& canvas, const GridRow& row, std::int64_t y,
              std::int64_t width) {
  const auto size = cell_size(*row.modality);
  const bool is_image = row.modality->kind == ModalityKind::image;
  const auto samples = is_image ? levels(row.samples) : row.samples;
  for (std::int64_t n = 0; n < samples.size(0); ++n) {
    const auto mark = mark_of(row, n);
    if (mark == CellMark::blank) continue;
    const auto x = kGap + n * (width + kGap) + (width - size.width) / 2;
    if (is_image) {
      canvas.picture(x, y, samples[n]);
    } else {
      draw_tokens(canvas, x, y, samples[n], *row.modality);
    }
    if (mark == CellMark::framed) {
      canvas.outline(x, y, size.width, size.height);
    }
  }
  if (row.is_input) {
    canvas.frame(y, size.height);
  }
}

}  // namespace

std::string token_text(const at::Tensor& tokens, const ModalitySpec& modality) {
  std::string text;
  const auto cpu = tokens.cpu();
  const bool words = has_words(modality);
  for (std::int64_t i = 0; i < cpu.size(0); ++i) {
    const std::string& symbol = modality.vocabulary.at(
        static_cast<std::size_t>(cpu[i].item<std::int64_t>()));
    if (symbol == "<eos>") break;
    if (symbol == "<pad>") continue;
    text += (words && !text.empty() ? " " : "") + symbol;
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::optional<io::Image> draw_grid(const std::vector<GridRow>& rows,
                                   std::int64_t scale) {
  std::vector<GridRow> drawn;
  Size cell;
  Size whole{0, kGap};
  std::int64_t columns = 0;
  for (const auto& row : rows) {
    if (row.modality->kind == ModalityKind::vector ||
        row.samples.size(0) == 0) {
      continue;
    }
    drawn.push_back(row);
    const auto size = cell_size(*row.modality);
    cell.width = std::max(cell.width, size.width);
    whole.height += size.height + kGap;
    columns = std::max(columns, row.samples.size(0));
  }
  if (drawn.empty()) {
    return std::nullopt;
  }
  whole.width = kGap + columns * (cell.width + kGap);
  Canvas canvas(whole.width, whole.height);
  std::int64_t y = kGap;
  for (const auto& row : drawn) {
    draw_row(canvas, row, y, cell.width);
    y += cell_size(*row.modality).height + kGap;
  }
  return canvas.enlarged(scale);
}

}  // namespace shalab
