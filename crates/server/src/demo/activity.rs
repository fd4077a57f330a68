//! What people do in a demonstration: they sign in, ask, call tools, run skills and
//! now and then edit the marketplace.

use rand::RngExt as _;
use rand::rngs::StdRng;
use systemprompt_domain::activity::{Activity, Category};
use systemprompt_domain::ids::EventId;
use systemprompt_domain::reported::{AuditEvent, AuditReport, Reported, Source, Stamp};
use time::{Date, Duration, OffsetDateTime};

use super::cast::{AGENTS, PEOPLE, PLUGINS, SKILLS, about, hour, pick, weight};
use super::{id_at, moment};

/// People who work on an ordinary day.
const SESSIONS: f64 = 16.0;

/// What was done on a day that is over, or so far, in order.
pub(super) fn day(random: &mut StdRng, day: Date, now: OffsetDateTime) -> Vec<Reported> {
    let ago = (now.date() - day).whole_days();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few dozen
    let sessions = (SESSIONS * weight(day, ago)).round() as usize;
    let mut done = Vec::new();
    for _ in 0..sessions {
        let person = Person {
            user: PEOPLE[pick(random, PEOPLE.len())],
            session: format!("work-{:08x}", random.random::<u32>()),
        };
        let began = moment(day, hour(random, false));
        person.works(random, began, &mut done);
    }
    done.retain(|event| event.source().stamp.at < now);
    done.sort_by_key(|event| event.source().stamp.at);
    done
}

/// Somebody at work.
struct Person {
    user: &'static str,
    session: String,
}

impl Person {
    fn works(&self, random: &mut StdRng, began: OffsetDateTime, done: &mut Vec<Reported>) {
        let mut at = began;
        if random.random_bool(0.04) {
            done.push(self.does(at, Category::Login, "failed", None));
            at += Duration::seconds(8);
        }
        done.push(self.does(at, Category::Login, "succeeded", None));
        done.push(self.does(at, Category::Session, "started", None));
        let steps = about(random, 7.0, 0.6).min(40);
        for _ in 0..steps {
            at += Duration::milliseconds(about(random, 70_000.0, 0.8).cast_signed());
            let part: f64 = random.random();
            let event = match part {
                part if part < 0.34 => self.does(at, Category::Prompt, "sent", None),
                part if part < 0.78 => self.tool(random, at),
                part if part < 0.93 => {
                    let skill = SKILLS[pick(random, SKILLS.len())];
                    let action = if random.random_bool(0.05) {
                        "failed"
                    } else {
                        "executed"
                    };
                    self.does(at, Category::SkillUsage, action, Some(("skill", skill)))
                }
                part if part < 0.975 => {
                    let plugin = PLUGINS[pick(random, PLUGINS.len())];
                    self.does(
                        at,
                        Category::MarketplaceEdit,
                        "updated",
                        Some(("plugin", plugin)),
                    )
                }
                part if part < 0.985 => self.audited(at, AuditEvent::DataExported),
                part if part < 0.995 => self.audited(at, AuditEvent::FileAccessed),
                _ => self.does(at, Category::Error, "raised", None),
            };
            done.push(event);
        }
        if random.random_bool(0.5) {
            done.push(self.does(
                at + Duration::minutes(2),
                Category::Logout,
                "succeeded",
                None,
            ));
        }
    }

    fn tool(&self, random: &mut StdRng, at: OffsetDateTime) -> Reported {
        let tools: Vec<&str> = AGENTS
            .iter()
            .flat_map(|agent| agent.tools)
            .copied()
            .collect();
        let tool = tools[pick(random, tools.len())];
        let action = if random.random_bool(0.03) {
            "failed"
        } else {
            "executed"
        };
        self.does(at, Category::ToolUsage, action, Some(("tool", tool)))
    }

    fn source(&self, at: OffsetDateTime) -> Source {
        let id = EventId(id_at(at));
        Source {
            stamp: Stamp {
                id,
                at: id.created_at().unwrap_or(at),
            },
            user: Some(self.user.to_owned()),
            agent: None,
            token: Some("demo".to_owned()),
            trace_id: None,
        }
    }

    fn does(
        &self,
        at: OffsetDateTime,
        category: Category,
        action: &str,
        to: Option<(&str, &str)>,
    ) -> Reported {
        let word = |word: &str| word.parse().expect("a word of this file");
        Reported::Activity(Activity {
            source: self.source(at),
            category,
            action: word(action),
            entity_type: to.map(|(kind, _)| word(kind)),
            entity_name: to.map(|(_, name)| name.to_owned()),
            session_id: Some(self.session.clone()),
            metadata: None,
        })
    }

    fn audited(&self, at: OffsetDateTime, event: AuditEvent) -> Reported {
        Reported::Audit(AuditReport {
            source: self.source(at),
            event,
            detail: None,
        })
    }
}
