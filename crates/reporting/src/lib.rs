//! The registry of questions: each metric defined once.
