//! Web traffic against real agents, referrers, logs and databases.

mod agents;
mod beacon;
mod bots;
mod channels;
mod classes;
mod countries;
mod logs;
mod pages;
mod rules;
mod sessions;
mod shared;
mod trends;
mod visitors;
