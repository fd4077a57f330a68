//! The dashboard in a real browser: every figure against the command line, every
//! page for everybody. Needs chromium and its driver, and for one test axe-core:
//! `.ci/browser` has them and runs what is ignored here.

mod deeds;
mod driver;
mod figures;
mod house;
mod sights;
