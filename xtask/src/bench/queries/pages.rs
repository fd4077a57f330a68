//! The pages of `/admin`, as somebody who is signed in gets them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hyper::Request;
use sqlx::PgPool;
use systemprompt_storage::users::{Password, UserName};
use systemprompt_testkit::client::Client;

use super::ask::{Asked, Asking, Known, get};

const USER: &str = "bench";
const PASSWORD: &str = "correct horse battery";
/// Panels share their answers for this long; every round has to make its own.
const FRESH: Duration = Duration::from_millis(1_050);
/// How often each page is fetched. Its panels' answers are shared for a second, so
/// this takes seconds.
const ROUNDS: u32 = 11;

/// Every page, over the last ninety days.
pub(super) async fn all(
    addr: SocketAddr,
    pool: &PgPool,
    known: &Known,
) -> anyhow::Result<Vec<Asked>> {
    let mut client = Client::new(addr);
    let cookie = sign_in(&mut client, addr, pool).await?;
    let pages = pages(&mut client, addr, &cookie, known).await?;
    let mut taken: Vec<Vec<Duration>> = vec![Vec::new(); pages.len()];
    let mut hours = 90 * 24;
    for _ in 0..=ROUNDS {
        let begun = Instant::now();
        for (page, taken) in pages.iter().zip(&mut taken) {
            // No page asks what another has just asked.
            hours -= 1;
            let path = &page.paths[taken.len() % page.paths.len()];
            let path = format!("{path}?since={hours}h");
            taken.push(get(&mut client, addr, &path, Some(&cookie)).await?);
        }
        tokio::time::sleep(FRESH.saturating_sub(begun.elapsed())).await;
    }
    // Who asks again asks a database without users, as this one was.
    sqlx::query("delete from users where name = $1")
        .bind(USER)
        .execute(pool)
        .await?;
    let asked = pages.into_iter().zip(taken);
    Ok(asked
        .map(|(page, mut taken)| {
            let first = taken.remove(0);
            Asked::new(page, first, taken)
        })
        .collect())
}

async fn sign_in(client: &mut Client, addr: SocketAddr, pool: &PgPool) -> anyhow::Result<String> {
    let name: UserName = USER.parse()?;
    let hash = Password::new(PASSWORD.to_owned(), &name)?.hash();
    let there: bool = sqlx::query_scalar("select exists (select from users where name = $1)")
        .bind(USER)
        .fetch_one(pool)
        .await?;
    if !there {
        // By hand: this process has no key to the audit log.
        sqlx::query(
            "insert into users (name, role, password_hash, created_at, password_set_at) \
             values ($1, 'viewer', $2, now(), now())",
        )
        .bind(USER)
        .bind(&hash)
        .execute(pool)
        .await?;
    }
    let form = format!("name={USER}&password={}", PASSWORD.replace(' ', "+"));
    let request = Request::post("/admin/login")
        .header("host", addr.to_string())
        .header("origin", format!("http://{addr}"))
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = client.send(request.body(form.into())?).await?;
    let cookie = answer.header("set-cookie");
    let cookie = cookie.split(';').next().filter(|cookie| !cookie.is_empty());
    cookie
        .map(str::to_owned)
        .with_context(|| format!("cannot sign in: {} {}", answer.status, answer.text()))
}

/// The pages that the first one links to, and those about one thing.
async fn pages(
    client: &mut Client,
    addr: SocketAddr,
    cookie: &str,
    known: &Known,
) -> anyhow::Result<Vec<Asking>> {
    let request = Request::get("/admin")
        .header("host", addr.to_string())
        .header("cookie", cookie);
    let answer = client.send(request.body(Default::default())?).await?;
    let html = answer.text();
    let links = html.split("href=\"").skip(1);
    let links = links.filter_map(|rest| rest.split(['"', '?', '#']).next());
    let plain = |link: &&str| {
        let slug = link.strip_prefix("/admin/").unwrap_or_default();
        !slug.is_empty() && slug.chars().all(|c| c.is_ascii_lowercase())
    };
    let slugs: BTreeSet<&str> = links
        .filter(plain)
        .filter(|link| !link.ends_with("logout"))
        .collect();
    ensure!(slugs.len() > 5, "the first page links to {slugs:?} alone");
    let page = |name: &str, paths: Vec<String>| Asking {
        name: name.to_owned(),
        many_users: false,
        plain: false,
        paths,
    };
    let mut pages = vec![page("/admin", vec!["/admin".to_owned()])];
    pages.extend(
        slugs
            .iter()
            .map(|slug| page(slug, vec![(*slug).to_owned()])),
    );
    pages.extend(known.pages().into_iter().map(|(slug, ids)| {
        let paths = ids.iter().map(|id| format!("/admin/{slug}/{id}")).collect();
        page(&format!("/admin/{slug}/…"), paths)
    }));
    Ok(pages)
}
