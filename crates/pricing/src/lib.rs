//! Effective-dated price catalogue and exact costs.
