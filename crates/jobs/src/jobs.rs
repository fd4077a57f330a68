//! The jobs, each in a file of its own.

mod alerts;
mod content_analytics_aggregation;
mod daily_traffic_report;
mod partitions;
mod price_check;
mod reclassify_sessions;
mod retention;
mod rollup_check;
mod session_closing;

pub(crate) use alerts::Alerts;
pub(crate) use content_analytics_aggregation::ContentAnalyticsAggregation;
pub(crate) use daily_traffic_report::DailyTrafficReport;
pub(crate) use partitions::Partitions;
pub(crate) use price_check::PriceCheck;
pub(crate) use reclassify_sessions::ReclassifySessions;
pub(crate) use retention::Retention;
pub(crate) use rollup_check::RollupCheck;
pub(crate) use session_closing::SessionClosing;

use anyhow::Context as _;
use systemprompt_config::{Action, ToChannel};
use systemprompt_notify::{Notice, Waiting};
use systemprompt_storage::budgets::queue;
use time::OffsetDateTime;

use crate::job::Work;

/// Queues a notice for each channel that is configured, once for the moment `of`, and
/// says for each what became of it: `discord: queued`, `slack: not configured`.
async fn notify(
    work: &Work,
    channels: &[ToChannel],
    of: OffsetDateTime,
    notice: &Notice,
) -> anyhow::Result<Vec<String>> {
    let mut said = Vec::new();
    for channel in channels {
        let (name, action) = match channel {
            ToChannel::Email => ("email", Action::Email),
            ToChannel::Webhook => ("webhook", Action::Webhook),
            ToChannel::Discord => ("discord", Action::Discord),
            ToChannel::Slack => ("slack", Action::Slack),
        };
        if !work.world.profile().notifications.reaches(action) {
            said.push(format!("{name}: not configured"));
            continue;
        }
        // The id is that of one message to one channel: receivers know it again.
        let notice = Notice {
            id: uuid::Uuid::now_v7(),
            ..notice.clone()
        };
        let message = serde_json::to_value(Waiting::Notice(notice.clone()))?;
        let about = (work.run.job, of);
        let new = queue(&work.world.control, about, name, notice.id, &message)
            .await
            .with_context(|| format!("cannot queue the message for {name}"))?;
        said.push(match new {
            true => format!("{name}: queued"),
            false => format!("{name}: queued before"),
        });
    }
    Ok(said)
}
