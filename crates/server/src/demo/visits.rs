//! Who visits the web site of a demonstration: people who read, search engines,
//! crawlers of AI companies, and whoever tries the doors.

use rand::RngExt as _;
use rand::rngs::StdRng;
use systemprompt_domain::Event;
use systemprompt_domain::web::{
    Engagement, Headers, Hit, PageView, Source, Visit, Visitor, WebEvent,
};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use super::cast::{about, choose, hour, normal, weight};
use super::moment;
use super::site::{AGENTS, ARRIVALS, BOTS, Bot, COUNTRIES, PAGES, Page, SCANNED, SITE};

/// People and programs of an ordinary day.
const PEOPLE: f64 = 78.0;
const PROGRAMS: f64 = 34.0;
/// Of those who come, a part comes again on the same day.
const AGAIN: f64 = 0.12;

/// The visits of a day that is over, or so far, in order.
pub(super) fn day(random: &mut StdRng, day: Date, now: OffsetDateTime) -> Vec<Event> {
    let ago = (now.date() - day).whole_days();
    // People read on weekends too, if less; programs know no weekends.
    let busy = 0.35 + 0.65 * weight(day, ago);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few hundred
    let some = |typical: f64| typical.round() as usize;
    let mut visits = Vec::new();
    let mut reader: Option<Reader> = None;
    for _ in 0..some(PEOPLE * busy) {
        let known = reader.take().filter(|_| random.random_bool(AGAIN));
        let known = known.unwrap_or_else(|| Reader::new(random));
        let at = moment(day, hour(random, false));
        known.reads(random, at, ago, &mut visits);
        reader = Some(known);
    }
    // Crawlers of AI companies come more often from month to month.
    let growing = 1.0 - ago as f64 / 90.0 * 0.4;
    for _ in 0..some(PROGRAMS * growing) {
        let bot = &BOTS[choose(random, &BOTS, |bot| bot.weight)];
        let at = moment(day, random.random::<f64>() * 23.9);
        program(random, bot, at, &mut visits);
    }
    if random.random_bool(0.6) {
        let at = moment(day, random.random::<f64>() * 23.9);
        scanner(random, at, &mut visits);
    }
    visits.retain(|visit| visit.at < now);
    visits.sort_by_key(|visit| visit.at);
    let event = |visit| Event::Web(Box::new(visit));
    visits.into_iter().map(event).collect()
}

fn id(random: &mut StdRng) -> Uuid {
    uuid::Builder::from_random_bytes(random.random()).into_uuid()
}

/// A visit without events.
fn visit(source: Source, visitor: Uuid, agent: &str, at: OffsetDateTime) -> Visit {
    Visit {
        at,
        site: SITE.to_owned(),
        source,
        visitor: Some(Visitor {
            today: visitor,
            before: None,
        }),
        user_agent: agent.to_owned(),
        language: String::new(),
        country: String::new(),
        region: String::new(),
        headers: None,
        hints: Default::default(),
        screen: None,
        automated: false,
        by_address: false,
        events: Vec::new(),
    }
}

/// Somebody with a browser.
struct Reader {
    visitor: Uuid,
    agent: &'static str,
    country: &'static str,
    language: &'static str,
}

impl Reader {
    fn new(random: &mut StdRng) -> Self {
        let (agent, _) = AGENTS[choose(random, &AGENTS, |(_, weight)| *weight)];
        let (country, language, _) = COUNTRIES[choose(random, &COUNTRIES, |(.., weight)| *weight)];
        Self {
            visitor: id(random),
            agent,
            country,
            language,
        }
    }

    fn visit(&self, at: OffsetDateTime) -> Visit {
        Visit {
            language: self.language.to_owned(),
            country: self.country.to_owned(),
            headers: Some(Headers {
                https: true,
                accept_language: true,
                accept: true,
                gzip: true,
                sec_fetch: true,
                client_hints: true,
                navigating_beacon: false,
            }),
            screen: Some((1_440, 900)),
            ..visit(Source::Tracker, self.visitor, self.agent, at)
        }
    }

    fn reads(&self, random: &mut StdRng, began: OffsetDateTime, ago: i64, visits: &mut Vec<Visit>) {
        let arrival = &ARRIVALS[choose(random, &ARRIVALS, |arrival| arrival.weight)];
        let fits = |page: &Page| match page.since {
            Some(since) if ago > since => 0.0,
            _ => page.weight,
        };
        // Some only look in, and a few of those are never heard of again.
        let pages = match random.random::<f64>() {
            part if part < 0.42 => 1,
            _ => 1 + about(random, 1.9, 0.6).min(8),
        };
        let silent = pages == 1 && random.random_bool(0.2);
        let brief = pages == 1 && random.random_bool(0.6);
        let mut at = began;
        let mut from: Option<&Page> = None;
        for n in 0..pages {
            let page = match from {
                // Who reads one page goes on to what lies beside it.
                Some(from) => {
                    let near = |page: &Page| {
                        let same = page.section() == from.section();
                        fits(page) * if same { 2.5 } else { 1.0 }
                    };
                    &PAGES[choose(random, &PAGES, near)]
                }
                None => &PAGES[choose(random, &PAGES, |page| fits(page) * page.entry)],
            };
            if from.is_some_and(|from| from.path == page.path) {
                continue;
            }
            let view = PageView {
                id: id(random),
                path: page.path.to_owned(),
                query: if n == 0 { arrival.query } else { "" }.to_owned(),
                referrer: match from {
                    Some(from) => format!("https://{SITE}{}", from.path),
                    None => arrival.referrer.to_owned(),
                },
                title: page.title.to_owned(),
            };
            let page_view = view.id;
            let mut seen = self.visit(at);
            seen.events.push(WebEvent::View(view));
            visits.push(seen);
            let engaged = match brief {
                true => random.random_range(800..9_500),
                false => about(random, page.seconds * 1_000.0, 0.8).min(900_000),
            };
            let open = engaged + about(random, 4_000.0, 1.0).min(240_000);
            at += Duration::milliseconds(open.cast_signed());
            if !silent {
                let mut left = self.visit(at);
                left.events
                    .push(engagement(random, page, page_view, engaged));
                visits.push(left);
            }
            from = Some(page);
        }
    }
}

/// What a browser reports when a page is left.
fn engagement(random: &mut StdRng, page: &Page, page_view: Uuid, engaged: u64) -> WebEvent {
    let read = engaged as f64 / (page.seconds * 1_000.0);
    let scroll = (35.0 + read * 30.0 + normal(random) * 18.0).clamp(4.0, 100.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 4 to 100
    let max_scroll = scroll.round() as u8;
    let clicks = if random.random_bool(0.35) {
        random.random_range(1..=3)
    } else {
        0
    };
    let outbound = random
        .random_bool(0.04)
        .then(|| "https://github.com/example/tools".to_owned());
    WebEvent::Engagement(Engagement {
        page_view,
        seq: 1,
        path: page.path.to_owned(),
        engaged_ms: u32::try_from(engaged).unwrap_or(u32::MAX),
        max_scroll,
        clicks,
        key_event: None,
        outbound,
    })
}

/// A crawler fetches a few pages.
fn program(random: &mut StdRng, bot: &Bot, began: OffsetDateTime, visits: &mut Vec<Visit>) {
    let visitor = id(random);
    let mut at = began;
    for _ in 0..about(random, bot.pages, 0.5).min(30) {
        let page = &PAGES[choose(random, &PAGES, |page| 1.0 + page.weight)];
        let hit = hit(random, page.path, 200);
        let mut one = visit(Source::Server, visitor, bot.agent, at);
        one.country = bot.country.to_owned();
        one.events.push(hit);
        visits.push(one);
        at += Duration::milliseconds(about(random, 9_000.0, 0.7).cast_signed());
    }
}

/// Somebody tries what other sites have forgotten to close.
fn scanner(random: &mut StdRng, began: OffsetDateTime, visits: &mut Vec<Visit>) {
    let visitor = id(random);
    let mut at = began;
    for path in SCANNED {
        let mut one = visit(Source::Server, visitor, "Mozilla/5.0 zgrab/0.x", at);
        one.country = "NL".to_owned();
        one.events.push(hit(random, path, 404));
        visits.push(one);
        at += Duration::milliseconds(about(random, 700.0, 0.4).cast_signed());
    }
}

fn hit(random: &mut StdRng, path: &str, status: u16) -> WebEvent {
    WebEvent::Hit(Hit {
        id: id(random),
        method: "GET".to_owned(),
        target: path.to_owned(),
        referrer: String::new(),
        status,
    })
}
