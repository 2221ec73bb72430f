#pragma once
// Pictures packed once: one uint8 array for each view, with a digest.

#include "pictures.h"

namespace shalab {

struct PackedPictures {
  Pictures pictures;
  std::string digest;  // digest_of(pictures)
};

// The same as read_pictures, from the cache where it has been packed before.
// The packed form is found by the names, sizes and times of the files and by
// `size`, so a changed picture is read anew; one that does not agree with its
// digest is warned of and made again. It lies in
// CACHE/multiview/KEY/{view0.npy, ..., digest.txt}; a cache that cannot be
// written costs a warning only.
PackedPictures packed_pictures(const ViewFolders& folders, std::int64_t size,
                               const Services& services);

}  // namespace shalab
