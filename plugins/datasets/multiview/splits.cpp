#include "splits.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "shalab/dataset.h"
#include "shalab/error.h"
#include "shalab/io/tensors.h"
#include "shalab/pairing.h"

namespace shalab {

namespace fs = std::filesystem;

namespace {

constexpr Split kSplits[] = {Split::train, Split::validation, Split::test};

struct Body {
  std::vector<std::int64_t> objects;
  std::optional<Split> listed;
};

using Bodies = std::map<std::string, Body>;

fs::path list_file(const ViewFolders& folders, Split split) {
  return folders.root / (to_string(split) + ".txt");
}

std::string trimmed(const std::string& line) {
  const std::size_t first = line.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

// The names of a list, or nothing where there is no such file.
std::optional<std::vector<std::string>> read_list(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  std::ifstream stream(file);
  std::vector<std::string> names;
  for (std::string line; std::getline(stream, line);) {
    line = trimmed(line);
    if (!line.empty() && !line.starts_with('#')) names.push_back(line);
  }
  if (!stream.eof()) {
    throw Error(ErrorKind::data, "cannot read " + file.string());
  }
  return names;
}

class Assignment {
 public:
  Assignment(const ViewFolders& folders, const SplitKeys& keys)
      : folders_(folders), keys_(keys) {
    for (std::size_t i = 0; i < folders.objects.size(); ++i) {
      const std::string body = body_of(folders.objects[i], keys.body_separator);
      bodies_[body].objects.push_back(static_cast<std::int64_t>(i));
    }
    for (const Split split : kSplits) read(split);
    draw();
  }

  // Shuffled, so that a limit keeps some of every body.
  at::Tensor objects_of(Split split) const {
    const auto& chosen = chosen_[static_cast<std::size_t>(split)];
    if (chosen.empty()) refuse_empty(split);
    const std::vector<std::int64_t> sorted(chosen.begin(), chosen.end());
    const auto size = static_cast<std::int64_t>(sorted.size());
    RecipeStream stream(keys_.seed, "multiview/order/" + to_string(split));
    const at::Tensor order = permutation(size, stream);
    at::Tensor shuffled = order.clone();
    auto* out = shuffled.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < size; ++i) {
      out[i] = sorted[static_cast<std::size_t>(out[i])];
    }
    return shuffled;
  }

 private:
  void read(Split split) {
    const fs::path file = list_file(folders_, split);
    const auto names = read_list(file);
    if (!names) return;
    has_list_[static_cast<std::size_t>(split)] = true;
    for (const std::string& name : *names) add(name, split, file);
  }

  // `name` is a body, or else an object.
  void add(const std::string& name, Split split, const fs::path& file) {
    const auto whole = bodies_.find(name);
    if (whole != bodies_.end()) {
      claim(whole->first, whole->second, split, file);
      for (const std::int64_t object : whole->second.objects) {
        put(object, split);
      }
      return;
    }
    const auto& objects = folders_.objects;
    const auto found = std::lower_bound(objects.begin(), objects.end(), name);
    if (found == objects.end() || *found != name) {
      throw Error(ErrorKind::data,
                  file.string() + " names '" + name +
                      "', which is neither an object nor a body of " +
                      folders_.root.string(),
                  "take the line out, or add the object's folder");
    }
    const std::string body = body_of(name, keys_.body_separator);
    claim(name, bodies_.at(body), split, file);
    put(found - objects.begin(), split);
  }

  static void claim(const std::string& name, Body& body, Split split,
                    const fs::path& file) {
    if (body.listed && *body.listed != split) {
      throw Error(ErrorKind::data,
                  file.string() + " names '" + name + "', of which " +
                      to_string(*body.listed) + ".txt has objects too",
                  "the objects of a body belong to one split; "
                  "dataset.body_separator says which objects are of one body");
    }
    body.listed = split;
  }

  void put(std::int64_t object, Split split) {
    chosen_[static_cast<std::size_t>(split)].insert(object);
  }

  void draw() {
    std::vector<const Body*> pool;
    for (const auto& [name, body] : bodies_) {
      if (!body.listed) pool.push_back(&body);
    }
    RecipeStream stream(keys_.seed, "multiview/bodies");
    const at::Tensor order =
        permutation(static_cast<std::int64_t>(pool.size()), stream);
    const auto* position = order.data_ptr<std::int64_t>();
    std::size_t next = 0;
    const auto take = [&](Split split, std::size_t count) {
      if (has_list_[static_cast<std::size_t>(split)]) return;
      for (; count > 0 && next < pool.size(); --count, ++next) {
        const Body& body = *pool[static_cast<std::size_t>(position[next])];
        for (const std::int64_t object : body.objects) put(object, split);
      }
    };
    take(Split::test, share(pool.size(), keys_.test_share));
    take(Split::validation, share(pool.size() - next, 0.1));
    take(Split::train, pool.size() - next);
  }

  static std::size_t share(std::size_t count, double part) {
    const double wanted = std::round(part * static_cast<double>(count));
    return std::max<std::size_t>(1, static_cast<std::size_t>(wanted));
  }

  [[noreturn]] void refuse_empty(Split split) const {
    throw Error(ErrorKind::data,
                "no object is left for the " + to_string(split) + " split of " +
                    folders_.root.string() + ", which has " +
                    std::to_string(bodies_.size()) + " bodies",
                "give at least three bodies, or name them in train.txt, "
                "validation.txt and test.txt; dataset.body_separator says "
                "which objects are of one body");
  }

  const ViewFolders& folders_;
  const SplitKeys& keys_;
  Bodies bodies_;
  std::array<bool, 3> has_list_{};                // by Split
  std::array<std::set<std::int64_t>, 3> chosen_;  // by Split
};

}  // namespace

std::string body_of(const std::string& object, const std::string& separator) {
  if (separator.empty()) return object;
  return object.substr(0, object.find(separator));
}

std::array<at::Tensor, 3> split_objects(const ViewFolders& folders,
                                        const SplitKeys& keys) {
  const Assignment assignment(folders, keys);
  return {assignment.objects_of(Split::train),
          assignment.objects_of(Split::validation),
          assignment.objects_of(Split::test)};
}

}  // namespace shalab
