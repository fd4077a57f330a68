//! How many sessions the day had, of people and of bots.

use crate::error::Result;
use crate::params::{Class, WebFilters};
use crate::questions::sessions;
use crate::report::ask::{Ask, Asked};
use crate::report::{Page, Section};

/// Whose sessions are told apart.
const WHOSE: [(&str, Class); 4] = [
    ("People", Class::Human),
    ("Bots", Class::Bots),
    ("Ghosts", Class::Ghost),
    ("All", Class::All),
];

pub(super) struct Visits;

impl Section for Visits {
    const TITLE: &'static str = "Sessions";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let mut told = Vec::new();
        for (whose, class) in WHOSE {
            let stats = sessions::Stats {
                period: ask.period(),
                filters: WebFilters {
                    class,
                    ..WebFilters::default()
                },
            };
            let asked = ask.day(&stats, &format!("--class {class}")).await?;
            told.push((whose, asked));
        }
        let [people, bots, _, all] = &told[..] else {
            unreachable!("one answer for each of WHOSE");
        };
        page.headline("Sessions of people", people.1.text("sessions"));
        page.headline("Page views", people.1.text("page_views"));
        page.headline("Sessions of bots", bots.1.text("sessions"));
        if all.1.is_zero("sessions") && all.1.is_zero("previous_sessions") {
            page.say("Nobody came, on this day or the day before.");
        } else {
            page.put(Asked::side_by_side(
                "Whose",
                &told,
                &[
                    "sessions",
                    "previous_sessions",
                    "sessions_change",
                    "daily_visitors",
                    "page_views",
                    "previous_page_views",
                ],
            ));
        }
        for (_, asked) in &told {
            page.put(asked.command());
        }
        if !all.1.is_zero("sessions") {
            page.say("The same sessions by class:");
            page.put(all.1.figures(&[
                "clean_human",
                "unconfirmed",
                "ghost",
                "known_bot",
                "scanner",
                "behavioral_bot",
            ]));
            page.put(all.1.command());
        }
        if let Some(note) = all.1.period_note(ask.interval) {
            page.say(note);
        }
        Ok(())
    }
}
