//! The server's door: whose request it is on the network, and how much of a
//! body is taken, how slowly, and what browsers are told.

pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod headers;
pub(crate) mod linger;
