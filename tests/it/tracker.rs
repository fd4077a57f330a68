//! The tracker in a real browser: what it reports is what a person did.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::Row as _;
use systemprompt_testkit::PATIENCE;
use tokio::time::sleep;

use crate::chrome::{Chrome, Site};
use crate::system::System;

/// A page view as it is stored while its session is open.
#[derive(Debug)]
struct View {
    path: String,
    engaged_ms: i64,
    max_scroll: Option<i16>,
    clicks: i32,
}

impl System {
    async fn open_views(&self) -> Vec<View> {
        let rows = sqlx::query(
            "select path, engaged_ms, max_scroll, clicks from open_page_views order by created_at, id",
        )
        .fetch_all(self.db.pool())
        .await
        .unwrap();
        let view = |row: &sqlx::postgres::PgRow| View {
            path: row.get(0),
            engaged_ms: row.get(1),
            max_scroll: row.get(2),
            clicks: row.get(3),
        };
        rows.iter().map(view).collect()
    }

    /// The views, once they are as they should be.
    async fn views_until(&self, good: impl Fn(&[View]) -> bool) -> Vec<View> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let views = self.open_views().await;
            if good(&views) {
                return views;
            }
            assert!(
                Instant::now() < deadline,
                "{views:?}\n{}",
                self.server.stderr()
            );
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn paths(views: &[View]) -> Vec<&str> {
    views.iter().map(|view| &*view.path).collect()
}

async fn parts() -> Option<(System, Site, Chrome)> {
    let chrome = Chrome::start().await?;
    let system = System::start().await;
    let site = Site::serve(system.addr).await;
    Some((system, site, chrome))
}

/// Has a page count, in milliseconds, for how long it is visible and has the focus; and what
/// of that may lie before.
const WATCH: &str = "
    const active = () => document.visibilityState === 'visible' && document.hasFocus();
    let was = active(), last = performance.now();
    window.seen = 0;
    window.before = last - performance.getEntriesByType('navigation')[0].responseEnd;
    window.look = () => {
        const now = performance.now();
        if (was) window.seen += now - last;
        [was, last] = [active(), now];
        return window.seen;
    };
    document.addEventListener('visibilitychange', window.look);
    window.addEventListener('focus', window.look);
    window.addEventListener('blur', window.look);
    setInterval(window.look, 20);
    return window.before;";

#[tokio::test]
async fn engaged_time_is_the_time_in_which_a_page_is_seen() {
    let Some((system, site, chrome)) = parts().await else {
        return;
    };
    let tab = chrome.tab().await;
    let begun = Instant::now();
    chrome.open(&site.url("/long")).await;
    chrome.show(&tab).await;
    let before = chrome.run(WATCH).await.as_f64().unwrap();
    for (n, shown) in [3_000, 2_500, 3_500].into_iter().enumerate() {
        sleep(Duration::from_millis(shown)).await;
        if n == 0 {
            chrome.run("window.scrollTo(0, 1000)").await;
            chrome.run("document.querySelector('p').click()").await;
        }
        // Another tab hides it; it cannot be seen meanwhile.
        chrome.new_tab().await;
        sleep(Duration::from_millis(2_000)).await;
        chrome.open("about:blank").await;
        chrome.show(&tab).await;
    }
    let seen = chrome.run("return window.look()").await.as_f64().unwrap();
    // It was shown for nine seconds at least, and hidden for six.
    let all = begun.elapsed().as_secs_f64() * 1_000.0;
    assert!((8_100.0..=all - 5_400.0).contains(&seen), "{seen} of {all}");
    let leaving = Instant::now();
    chrome.open(&site.url("/end")).await;
    let leaving = leaving.elapsed().as_secs_f64() * 1_000.0;
    let views = system
        .views_until(|views| views.len() == 2 && views[0].engaged_ms as f64 >= seen * 0.9)
        .await;
    assert_eq!(paths(&views), ["/long", "/end"]);
    let engaged = views[0].engaged_ms as f64;
    let most = before + seen + leaving;
    assert!(engaged <= most * 1.1, "{engaged} of {seen} to {most}");
    assert_eq!(views[0].clicks, 1);
    let scrolled = views[0].max_scroll.unwrap();
    assert!((30..80).contains(&scrolled), "{scrolled} %");
    assert_eq!(
        views[1].max_scroll.unwrap_or(100),
        100,
        "a short page is seen whole"
    );
    let cookies = chrome.devtools("Network.getAllCookies", json!({})).await;
    assert_eq!(cookies["cookies"], json!([]));
    let kept = chrome
        .run("return localStorage.length + sessionStorage.length")
        .await;
    assert_eq!(kept, json!(0));
}

#[tokio::test]
async fn a_tab_in_the_background_counts_once_it_is_shown() {
    let Some((system, site, chrome)) = parts().await else {
        return;
    };
    let front = chrome.tab().await;
    chrome.open(&site.url("/front")).await;
    system.views_until(|views| views.len() == 1).await;
    let made = chrome
        .devtools(
            "Target.createTarget",
            json!({"url": site.url("/behind"), "background": true}),
        )
        .await;
    let behind = made["targetId"].as_str().unwrap().to_owned();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(
        paths(&system.open_views().await),
        ["/front"],
        "nobody has seen it"
    );
    chrome.show(&behind).await;
    let views = system.views_until(|views| views.len() == 2).await;
    assert_eq!(paths(&views), ["/front", "/behind"]);
    chrome.show(&front).await;
}

#[tokio::test]
async fn going_back_is_another_view() {
    let Some((system, site, chrome)) = parts().await else {
        return;
    };
    chrome.open(&site.url("/one")).await;
    system.views_until(|views| views.len() == 1).await;
    chrome.run("window.kept = true").await;
    chrome.open(&site.url("/two")).await;
    system.views_until(|views| views.len() == 2).await;
    chrome.back().await;
    assert_eq!(
        chrome.run("return window.kept === true").await,
        json!(true),
        "the page comes out of the cache, or this shows nothing"
    );
    let views = system.views_until(|views| views.len() == 3).await;
    assert_eq!(paths(&views), ["/one", "/two", "/one"]);
}

#[tokio::test]
async fn pages_that_are_prepared_are_not_counted() {
    let Some((system, site, chrome)) = parts().await else {
        return;
    };
    chrome.open(&site.url("/prerenders")).await;
    system.views_until(|views| views.len() == 1).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(paths(&system.open_views().await), ["/prerenders"]);
    chrome.run("location.href = '/prerendered'").await;
    let views = system.views_until(|views| views.len() == 2).await;
    assert_eq!(paths(&views), ["/prerenders", "/prerendered"]);
    let prepared = "return performance.getEntriesByType('navigation')[0].activationStart > 0";
    assert_eq!(
        chrome.run(prepared).await,
        json!(true),
        "it was prepared, or this shows nothing"
    );
}

#[tokio::test]
async fn a_page_that_changes_its_address_is_another_one() {
    let Some((system, site, chrome)) = parts().await else {
        return;
    };
    let begun = Instant::now();
    chrome.open(&site.url("/app")).await;
    system.views_until(|views| views.len() == 1).await;
    sleep(Duration::from_millis(1_500)).await;
    chrome.run("history.pushState({}, '', '/app/next')").await;
    let most = begun.elapsed().as_millis() + 1_000;
    let views = system.views_until(|views| views.len() == 2).await;
    assert_eq!(paths(&views), ["/app", "/app/next"]);
    let views = system
        .views_until(|views| views[0].engaged_ms >= 1_200)
        .await;
    assert!(
        u128::from(views[0].engaged_ms.unsigned_abs()) < most,
        "{views:?} of {most}"
    );
    chrome
        .run("history.replaceState({}, '', '/app/next?tab=2')")
        .await;
    chrome.run("history.pushState({}, '', '#part')").await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(system.open_views().await.len(), 2, "the same page");
    chrome.back().await;
    chrome.back().await;
    let views = system.views_until(|views| views.len() == 3).await;
    assert_eq!(paths(&views), ["/app", "/app/next", "/app"]);
}
