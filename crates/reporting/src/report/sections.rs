//! The sections of the report, in the order of the page. To add one: a file with a
//! struct that is a `Section`, and a line here.

mod activity;
mod agents;
mod audit;
mod budgets;
mod errors;
mod hours;
mod models;
mod requests;
mod spend;

use super::SectionEntry;

pub(super) static SECTIONS: &[SectionEntry] = &[
    SectionEntry::of::<spend::Spend>(),
    SectionEntry::of::<models::Models>(),
    SectionEntry::of::<agents::Agents>(),
    SectionEntry::of::<requests::Requests>(),
    SectionEntry::of::<errors::Errors>(),
    SectionEntry::of::<hours::Hours>(),
    SectionEntry::of::<budgets::Budgets>(),
    SectionEntry::of::<activity::Activity>(),
    SectionEntry::of::<audit::Audit>(),
];
