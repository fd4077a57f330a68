//! Tests of the meters from outside, in one binary: recordings of the real
//! providers, and made-up streams for what nobody recorded.

mod bounds;
mod encodings;
mod endings;
mod filter;
mod recordings;
mod requests;
mod rpc;
mod splits;
mod support;
mod usage;
