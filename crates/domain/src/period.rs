//! Periods: what a question asks about.
