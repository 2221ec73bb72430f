// Owner of the precompiled header; see TorchHeaders.cmake.
