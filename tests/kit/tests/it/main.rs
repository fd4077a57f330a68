//! The kit tested by itself: the mock provider seen from outside, by a client
//! that shows every byte, and the databases.

mod answers;
mod client;
mod db;
mod faults;
mod load;
mod process;
mod recordings;
mod transport;
