//! The kit tested by itself: the mock provider seen from outside, by a client
//! that shows every byte, the databases, and who receives mail and web hooks.

mod answers;
mod client;
mod db;
mod faults;
mod load;
mod process;
mod recordings;
mod smtp;
mod transport;
mod webhook;
