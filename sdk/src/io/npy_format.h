#pragma once
// One array in NumPy's npy format, in memory. Private to libshalab_base.
//
//   "\x93NUMPY" major minor | header length (2 or 4 bytes) | header | data
//
// The header is a Python dict of exactly 'descr', 'fortran_order', 'shape'.

#include "bytes.h"
#include "shalab/io/arrays.h"

namespace shalab::io {

// `where` names the file (and member) in messages.
Array parse_npy(const std::filesystem::path& where, ByteView bytes);

Bytes format_npy(const Array& array);

}  // namespace shalab::io
