//! Profile and services files to typed settings, with errors that name file, line and key.
