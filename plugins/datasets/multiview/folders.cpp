#include "folders.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <optional>

#include "shalab/error.h"

namespace shalab {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxViews = 64;  // modalities of a subset
constexpr std::int64_t kMaxNumber = 999'999'999;

using PictureOfView = std::map<std::int64_t, fs::path>;

// A whole text as a number in 0 .. kMaxNumber.
std::optional<std::int64_t> number_of(const std::string& digits) {
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stop != end || value < 0 || value > kMaxNumber) {
    return std::nullopt;
  }
  return value;
}

// The number that a stem ends in.
std::optional<std::int64_t> trailing_number(const std::string& stem) {
  const std::size_t last = stem.find_last_not_of("0123456789");
  return number_of(last == std::string::npos ? stem : stem.substr(last + 1));
}

bool is_picture(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return false;
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

// Sorted; hidden ones are passed over.
std::vector<fs::path> children_of(const fs::path& folder) {
  std::vector<fs::path> children;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (!it->path().filename().string().starts_with('.')) {
      children.push_back(it->path());
    }
  }
  if (error) {
    throw Error(ErrorKind::data, "cannot read the folder " + folder.string() +
                                     ": " + error.message());
  }
  std::sort(children.begin(), children.end());
  return children;
}

PictureOfView pictures_in(const fs::path& folder) {
  PictureOfView pictures;
  for (const fs::path& file : children_of(folder)) {
    if (!is_picture(file)) continue;
    const auto view = trailing_number(file.stem().string());
    if (!view) continue;
    const auto [other, is_new] = pictures.emplace(*view, file);
    if (is_new) continue;
    throw Error(ErrorKind::data,
                folder.string() + " has two pictures of view " +
                    std::to_string(*view) + ": " +
                    other->second.filename().string() + " and " +
                    file.filename().string(),
                "keep one picture a view, or name the folder within an object "
                "that holds them with dataset.subfolder");
  }
  if (pictures.empty()) {
    throw Error(ErrorKind::data, folder.string() + " holds no views",
                "expected pictures such as 000.png, 001.png, ...; "
                "dataset.subfolder names a folder within an object's folder");
  }
  return pictures;
}

std::vector<fs::path> object_folders(const fs::path& root) {
  std::error_code error;
  const fs::path target = root / "target";
  const fs::path& parent = fs::is_directory(target, error) ? target : root;
  std::vector<fs::path> folders;
  for (const fs::path& child : children_of(parent)) {
    if (fs::is_directory(child, error)) folders.push_back(child);
  }
  if (folders.empty()) {
    throw Error(ErrorKind::data, parent.string() + " holds no objects",
                "expected one folder for each object, with pictures such as "
                "000.png in it");
  }
  return folders;
}

std::vector<std::int64_t> wanted_views(const std::vector<std::string>& wanted) {
  std::vector<std::int64_t> views;
  for (const std::string& item : wanted) {
    const auto view = number_of(item);
    if (!view || std::find(views.begin(), views.end(), *view) != views.end()) {
      throw Error(ErrorKind::usage,
                  "dataset.views: '" + item + "' is " +
                      (view ? "named twice" : "not the number of a view"),
                  "give numbers such as 0, 4, 8, 12, or nothing for all views");
    }
    views.push_back(*view);
  }
  std::sort(views.begin(), views.end());
  return views;
}

std::vector<std::int64_t> views_of(const PictureOfView& pictures) {
  std::vector<std::int64_t> views;
  for (const auto& [view, file] : pictures) views.push_back(view);
  return views;
}

// The files of one object, view by view.
void append(const fs::path& folder, const PictureOfView& pictures,
            const std::vector<std::int64_t>& views,
            std::vector<fs::path>* files) {
  for (const std::int64_t view : views) {
    const auto found = pictures.find(view);
    if (found == pictures.end()) {
      throw Error(
          ErrorKind::data,
          folder.string() + " has no picture of view " + std::to_string(view),
          "every object needs the same views: add the picture, take "
          "the object out, or choose others with dataset.views");
    }
    files->push_back(found->second);
  }
}

void check_number(std::size_t num_views, const fs::path& root) {
  if (num_views <= kMaxViews) return;
  throw Error(ErrorKind::usage,
              root.string() + " has " + std::to_string(num_views) +
                  " views of an object",
              "name at most 64 of them with dataset.views");
}

}  // namespace

ViewFolders find_views(const fs::path& root, const std::string& subfolder,
                       const std::vector<std::string>& wanted) {
  ViewFolders found{root, {}, wanted_views(wanted), {}};
  for (const fs::path& object : object_folders(root)) {
    const fs::path folder = subfolder.empty() ? object : object / subfolder;
    const PictureOfView pictures = pictures_in(folder);
    if (found.views.empty()) found.views = views_of(pictures);
    check_number(found.views.size(), root);
    append(folder, pictures, found.views, &found.files);
    if (wanted.empty() && pictures.size() != found.views.size()) {
      throw Error(ErrorKind::data,
                  folder.string() + " has " + std::to_string(pictures.size()) +
                      " views, " + found.objects.front() + " has " +
                      std::to_string(found.views.size()),
                  "choose the views that all objects have with dataset.views");
    }
    found.objects.push_back(object.filename().string());
  }
  return found;
}

}  // namespace shalab
