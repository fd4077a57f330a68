//! The sections of the report, in the order of the page. To add one: a file with a
//! struct that is a `Section`, and a line here.

mod activity;
mod agents;
mod audit;
mod bots;
mod budgets;
mod crawlers;
mod devices;
mod engagement;
mod errors;
mod geography;
mod hours;
mod models;
mod pages;
mod reading;
mod requests;
mod sources;
mod spans;
mod spend;
mod transitions;
mod trend;
mod visits;

use super::SectionEntry;

pub(super) static SECTIONS: &[SectionEntry] = &[
    SectionEntry::of::<visits::Visits>(),
    SectionEntry::of::<spans::Spans>(),
    SectionEntry::of::<trend::Trend>(),
    SectionEntry::of::<engagement::Engagement>(),
    SectionEntry::of::<pages::Pages>(),
    SectionEntry::of::<transitions::Transitions>(),
    SectionEntry::of::<reading::Reading>(),
    SectionEntry::of::<sources::Sources>(),
    SectionEntry::of::<geography::Geography>(),
    SectionEntry::of::<devices::Devices>(),
    SectionEntry::of::<bots::Bots>(),
    SectionEntry::of::<crawlers::Crawlers>(),
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
