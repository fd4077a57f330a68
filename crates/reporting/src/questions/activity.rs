//! What people and agents did: edits, logins, prompts, tools and skills.

mod hourly;
mod list;
mod skills;
mod summary;
mod usage;
mod users;

pub use hourly::{Hourly, HourlyRow};
pub use list::{List, ListRow};
pub use skills::{Skills, SkillsRow};
pub use summary::{Summary, SummaryRow};
pub use usage::{Usage, UsageRow};
pub use users::{Users, UsersRow};

/// What is said where nothing was reported.
fn nothing(rows: usize) -> Option<String> {
    (rows == 0).then(|| {
        "no such activity was reported in this period; services report theirs to POST /api/v1/events"
            .to_owned()
    })
}
