//! Content: the pages that somebody wants to know about, and how they are read.

mod patterns;
mod show;
mod stats;
mod top;
mod trends;

pub use patterns::{Patterns, PatternsRow};
pub use show::{Show, ShowRow};
pub use stats::{Stats, StatsRow};
pub(crate) use top::top;
pub use top::{Top, TopRow};
pub use trends::{Trends, TrendsRow};

use crate::ctx::Ctx;
use crate::error::{Error, Result};

/// A page that is content.
pub(super) struct Item {
    pub(super) id: uuid::Uuid,
    pub(super) site: String,
    pub(super) path: String,
    pub(super) title: String,
    pub(super) kind: String,
    pub(super) origin: String,
}

/// The content with this id or path; a trailing slash makes no difference.
pub(super) async fn find(ctx: &Ctx, name: &str, sites: &[String]) -> Result<Item> {
    let mut found = sqlx::query_file_as!(
        Item,
        "src/questions/content/find.sql",
        ctx.scope.only_agent(),
        name.parse::<uuid::Uuid>().ok(),
        systemprompt_storage::web::content::path_of(name),
        sites,
    )
    .fetch_all(&ctx.pool)
    .await?;
    match found.len() {
        0 => Err(Error::NotFound(format!(
            "no content is {name}; `content top` lists what there is"
        ))),
        1 => Ok(found.swap_remove(0)),
        _ => Err(Error::Usage(format!(
            "several sites have content at {name}: name one with --site"
        ))),
    }
}

/// What is said where there is no content.
pub(super) fn nothing(rows: usize) -> Option<String> {
    (rows == 0).then(|| {
        "no content was looked at in this period; `systemprompt content import sitemap.xml` registers \
         what counts as content"
            .to_owned()
    })
}
