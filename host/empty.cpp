// Keeps a host library without sources linkable.
