//! `price_check`: our prices against somebody else's.

mod source;

use anyhow::Context as _;
use serde_json::{Value, json};
use systemprompt_config as config;
use systemprompt_config::{Jobs, PriceCheck as Parameters};
use systemprompt_notify::Notice;
use systemprompt_pricing::{Change, MapOf, Planned, PriceFile};
use systemprompt_storage::prices;
use time::UtcOffset;
use uuid::Uuid;

use super::notify;
use crate::files::{REPORTS, write_atomically};
use crate::job::{Done, Job, Work};

/// How many models a notice names.
const NAMED: usize = 10;

/// Providers change their prices without telling our catalogue. This tells people;
/// what is true is for them to find out, so it never imports anything.
pub(crate) struct PriceCheck;

impl Job for PriceCheck {
    const NAME: &'static str = "price_check";
    const ABOUT: &'static str = "Compares the prices in force with a file or an address";
    type Parameters = Parameters;

    fn settings(jobs: &Jobs) -> &config::Job<Parameters> {
        &jobs.price_check
    }

    async fn run(work: &Work, parameters: &Parameters) -> anyhow::Result<Done> {
        if parameters.source.is_empty() {
            return Ok(Done::new(
                0,
                "parameters.source names nothing to compare with",
            ));
        }
        let today = work.run.slot.to_offset(UtcOffset::UTC).date();
        let text = source::read(&parameters.source).await?;
        let file = if text.trim_start().starts_with('{') {
            PriceFile::from_litellm(&text, today, &MapOf::default(), today)
        } else {
            PriceFile::from_yaml(&text, today)
        };
        let file = file.context("the prices to compare with cannot be read")?;
        let ours = prices::listed(&work.world.control).await?;
        let mut plan = ours.plan(&file)?;
        let compared = plan.len();
        plan.retain(|one| one.change != Change::Same);
        if plan.is_empty() {
            return Ok(Done::new(0, format!("{compared} prices agree")));
        }
        let name = format!("prices-{today}.json");
        let content = json!({
            "source": parameters.source,
            "compared": compared,
            "differences": plan.iter().map(row).collect::<Vec<_>>(),
        });
        let content = format!("{content:#}\n");
        write_atomically(&work.world.folder(REPORTS), &name, content).await?;
        for one in &plan {
            work.warn("a price differs", row(one));
        }
        let found = format!("{} of {compared} prices differ", plan.len());
        let told = notify(
            work,
            &parameters.channels,
            work.run.slot,
            &notice(work, &plan, &found, &name),
        )
        .await?;
        let result = [format!("{found}: {REPORTS}/{name}")]
            .into_iter()
            .chain(told);
        Ok(Done::new(plan.len(), result.collect::<Vec<_>>().join("; ")))
    }
}

fn notice(work: &Work, plan: &[Planned], found: &str, file: &str) -> Notice {
    let facts = plan.iter().take(NAMED).map(|one| {
        let fields = one.differences.iter().map(|difference| {
            let price = |price: Option<_>| match price {
                Some(price) => json!(price).to_string().replace('"', ""),
                None => "none".to_owned(),
            };
            let (ours, theirs) = (price(difference.ours), price(difference.theirs));
            format!("{} {ours} → {theirs}", difference.field)
        });
        let fields: Vec<String> = fields.collect();
        (
            format!("{} {}", one.version.provider, one.version.model),
            fields.join(", "),
        )
    });
    Notice {
        id: Uuid::nil(),
        at: work.world.clock.now(),
        notice: work.run.job.to_owned(),
        title: format!("Price check: {found}"),
        summary: format!(
            "Nothing was changed. {file} in the folder of reports has every difference; \
             systemprompt pricing import brings prices in force."
        ),
        facts: facts.collect(),
        warning: true,
    }
}

fn row(one: &Planned) -> Value {
    json!({
        "change": one.change,
        "provider": one.version.provider,
        "model": one.version.model,
        "from": one.version.from.to_string(),
        "differences": one.differences.iter().map(|difference| json!({
            "field": difference.field,
            "ours": difference.ours,
            "theirs": difference.theirs,
        })).collect::<Vec<_>>(),
    })
}
