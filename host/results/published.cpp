#include "results/published.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <sstream>
#include <vector>

namespace shalab {

namespace {

constexpr std::array<const char*, 9> kColumns = {
    "paper", "place",     "dataset",  "model", "metric",
    "value", "direction", "evidence", "note"};

struct CsvRow {
  int line = 0;
  std::vector<std::string> fields;
};

std::vector<CsvRow> read_csv(const std::string& text) {
  std::vector<CsvRow> rows = {{1, {""}}};
  int line = 1;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    line += letter == '\n';
    std::string& field = rows.back().fields.back();
    if (letter == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"')
      field += text[++i];
    else if (letter == '"')
      quoted = !quoted;
    else if (!quoted && letter == ',')
      rows.back().fields.emplace_back();
    else if (!quoted && letter == '\n')
      rows.push_back({line, {""}});
    else if (quoted || letter != '\r')
      field += letter;
  }
  std::erase_if(rows, [](const CsvRow& row) {
    return row.fields.size() == 1 && row.fields[0].empty();
  });
  return rows;
}

[[noreturn]] void refuse(const std::filesystem::path& file, int line,
                         const std::string& what) {
  throw Error(ErrorKind::data,
              file.string() + ":" + std::to_string(line) + ": " + what,
              "the columns are paper, place, dataset, model, metric, value, "
              "direction, evidence, note");
}

double number_of(const std::filesystem::path& file, int line,
                 const std::string& text) {
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  double value = 0.0;
  if (!(stream >> value) || !stream.eof() || !std::isfinite(value))
    refuse(file, line, "'" + text + "' is not a number");
  return value;
}

std::array<std::size_t, 9> column_places(const std::filesystem::path& file,
                                         const CsvRow& header) {
  std::array<std::size_t, 9> places{};
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    const auto found =
        std::find(header.fields.begin(), header.fields.end(), kColumns[i]);
    if (found == header.fields.end())
      refuse(file, header.line, std::string("no column ") + kColumns[i]);
    places[i] = static_cast<std::size_t>(found - header.fields.begin());
  }
  return places;
}

}  // namespace

std::string measurement_of(const std::string& published_metric) {
  const auto dot = published_metric.find('.');
  if (dot == std::string::npos) return published_metric;
  std::string name =
      published_metric.substr(dot + 1) + "_" + published_metric.substr(0, dot);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

int import_published(ResultsDb& db, const std::filesystem::path& csv) {
  std::ifstream file(csv, std::ios::binary);
  if (!file) throw Error(ErrorKind::data, "cannot read " + csv.string(), "");
  std::ostringstream text;
  text << file.rdbuf();
  const std::vector<CsvRow> rows = read_csv(text.str());
  if (rows.empty()) refuse(csv, 1, "the file is empty");
  const auto places = column_places(csv, rows.front());
  int count = 0;
  db.write([&] {
    db.execute("DELETE FROM published");
    Statement insert = db.statement(
        "INSERT OR REPLACE INTO published (paper, place, dataset, model, "
        "metric, value, direction, evidence, note, measurement) VALUES "
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (std::size_t r = 1; r < rows.size(); ++r) {
      const CsvRow& row = rows[r];
      if (row.fields.size() != rows.front().fields.size())
        refuse(csv, row.line, std::to_string(row.fields.size()) + " fields");
      for (std::size_t i = 0; i < places.size(); ++i) {
        const std::string& field = row.fields[places[i]];
        if (i == 5)
          insert.bind(number_of(csv, row.line, field));
        else
          insert.bind(field);
      }
      insert.bind(measurement_of(row.fields[places[4]])).run();
      ++count;
    }
  });
  return count;
}

}  // namespace shalab
