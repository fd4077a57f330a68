//! What people see and do: filters, periods, keys, downloads, live figures, narrow
//! screens, both themes, and nothing that acts by itself.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::{Value, json};
use systemprompt_testkit::PATIENCE;

use super::figures::pages;
use super::house::House;
use crate::browser::{ASK, Browser, PASSWORD};

/// The most a page may weigh, and its server may take.
const BYTES: u64 = 150 * 1024;

#[tokio::test]
#[ignore = "needs chromium: .ci/browser"]
async fn names_lead_on_and_the_way_back_is_open() {
    let house = House::furnished().await;
    let driver = house.browser().await;
    // A filter by a click, and off again.
    driver.go("/admin/costs?since=24h").await;
    driver.click("td.b a[href*='model=claude']").await;
    driver
        .until("return location.search.includes('model=claude')")
        .await;
    assert_eq!(
        driver
            .js("return document.querySelectorAll('.chip').length")
            .await,
        1
    );
    let period = driver
        .js("return new URLSearchParams(location.search).get('since')")
        .await;
    assert_eq!(period, "24h", "the period goes along");
    driver.press("\u{e00c}").await;
    driver
        .until("return !location.search.includes('model=')")
        .await;
    driver.back().await;
    driver
        .until("return location.search.includes('model=claude')")
        .await;
    // Periods by keys.
    for (key, since) in [
        ("d", "today"),
        ("t", "30d"),
        ("m", "this-month"),
        ("h", "24h"),
    ] {
        driver.press(key).await;
        let script =
            format!("return new URLSearchParams(location.search).get('since') === '{since}'");
        driver.until(&script).await;
    }
    // Compare on and off.
    assert_eq!(
        driver
            .js("return document.querySelector('[role=switch]').ariaChecked")
            .await,
        "true"
    );
    driver.press("x").await;
    driver
        .until("return location.search.includes('compare=off')")
        .await;
    assert_eq!(
        driver
            .js("return document.querySelectorAll('.change').length")
            .await,
        0
    );
    // The form filters as well, and help helps.
    driver.press("/").await;
    driver
        .until("return document.activeElement.name === 'model'")
        .await;
    driver.press("\u{e00c}").await;
    driver.press("?").await;
    driver
        .until("return document.querySelector('dialog').open")
        .await;
    driver.press("\u{e00c}").await;
    // Into a request, and to its trace.
    driver.go("/admin/requests").await;
    driver.click("td a[href^='/admin/requests/']").await;
    driver
        .until("return document.querySelector('h1').textContent.startsWith('Request ')")
        .await;
    let bill = driver.js("return document.querySelectorAll('table[data-rows=\"rows/0/arithmetic\"] tbody tr').length").await;
    assert!(bill.as_u64().is_some(), "{bill}");
    driver.click("dd a[href^='/admin/traces/']").await;
    driver
        .until("return document.querySelectorAll('.waterfall tbody tr').length >= 2")
        .await;
    assert_eq!(driver.complaints().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs chromium: .ci/browser"]
async fn a_request_shows_on_the_open_page_within_two_seconds() {
    let house = House::furnished().await;
    let driver = house.browser().await;
    house.settles().await;
    driver.go("/admin?since=24h").await;
    driver
        .until("return document.querySelector('[data-word]').textContent === 'Live'")
        .await;
    const REQUESTS: &str = "Number([...document.querySelectorAll('#p0 data')].find((d) => d.closest('li').querySelector('h3').textContent === 'Requests').value)";
    for round in 0..3 {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let before = driver
            .js(&format!("return {REQUESTS}"))
            .await
            .as_u64()
            .unwrap();
        let began = Instant::now();
        house.asks("scout", "c-live", 500, "").await;
        driver
            .until(&format!("return {REQUESTS} === {}", before + 1))
            .await;
        let took = began.elapsed();
        println!("round {round}: the request shows after {took:?}");
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    // Nothing moves while it is paused.
    driver.click("[data-pause]").await;
    let before = driver.js(&format!("return {REQUESTS}")).await;
    house.asks("scout", "c-live", 500, "").await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(driver.js(&format!("return {REQUESTS}")).await, before);
    driver.click("[data-pause]").await;
    let now = before.as_u64().unwrap() + 1;
    driver.until(&format!("return {REQUESTS} === {now}")).await;
    assert_eq!(driver.complaints().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs chromium: .ci/browser"]
async fn pages_are_light_quick_narrow_and_inert() {
    let house = House::furnished().await;
    let driver = house.browser().await;
    let mut slowest = 0.0_f64;
    for page in pages(&driver).await {
        driver.width(1_360).await;
        driver.go(&page).await;
        let told = driver
            .js("const t = performance.getEntriesByType('navigation')[0]; return [t.decodedBodySize, t.serverTiming.map((s) => s.duration)[0] ?? 0]")
            .await;
        assert!(told[0].as_u64().unwrap() < BYTES, "{page}: {told}");
        slowest = slowest.max(told[1].as_f64().unwrap());
        driver.width(360).await;
        let wide = driver
            .js("return document.documentElement.scrollWidth")
            .await;
        assert_eq!(wide, 360, "{page} scrolls sideways");
        assert_eq!(
            driver.js("return window.acted ?? null").await,
            Value::Null,
            "{page}"
        );
        let planted = driver.js("return document.querySelectorAll('img, script:not([src]), [onerror], [onmouseover]').length").await;
        assert_eq!(planted, 0, "{page}");
    }
    println!("the slowest page took its server {slowest:.1} ms");
    assert_eq!(driver.complaints().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs chromium and axe-core: .ci/browser"]
async fn everybody_can_read_every_page() {
    let axe = std::env::var_os("AXE").map(PathBuf::from);
    let axe = axe.unwrap_or_else(|| {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("browser/node_modules/axe-core/axe.min.js")
    });
    let axe = std::fs::read_to_string(&axe).expect("axe-core: npm ci in tests/browser");
    let pictures = std::env::var_os("PICTURES").map(PathBuf::from);
    let house = House::furnished().await;
    let driver = house.browser().await;
    let mut pages = pages(&driver).await;
    // What there is after somebody wrote a report and verified the log.
    let mut ada = Browser::signed_in(&house.system, "ada").await;
    ada.post("/admin/jobs/run", &[("name", "daily_traffic_report")])
        .await;
    ada.post("/admin/audit/verify", &[]).await;
    pages.push("/admin/costs?since=24h&agent=scout".to_owned());
    pages.push("/admin/costs?since=2026-01-01&until=2026-01-02".to_owned());
    let mut found = Vec::new();
    for (n, page) in pages.iter().enumerate() {
        for theme in ["light", "dark"] {
            driver.theme(theme).await;
            driver.go(page).await;
            driver.js(&axe).await;
            let run = "const done = arguments[arguments.length - 1];\
                axe.run(document, {runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}})\
                .then((r) => done(r.violations.map((v) => [v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + n.failureSummary)])), (e) => done([String(e)]))";
            let violations = driver.js_async(run).await;
            if violations != json!([]) {
                found.push(format!("{page} {theme}: {violations}"));
            }
            if let Some(folder) = &pictures {
                std::fs::create_dir_all(folder).unwrap();
                let name = format!("{n:02}-{theme}.png");
                std::fs::write(folder.join(name), driver.picture().await).unwrap();
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    println!("{} pages in both themes, 0 violations", pages.len());
}

#[tokio::test]
async fn downloads_are_the_files_that_exports_write() {
    let house = House::furnished().await;
    let mut browser = Browser::signed_in(&house.system, "ada").await;
    let path = "/api/v1/analytics/costs/breakdown.csv?by=agent&since=24h";
    let csv = browser.get(path).await;
    assert_eq!(csv.status, StatusCode::OK, "{}", csv.text());
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        csv.header("content-disposition"),
        "attachment; filename=\"costs-breakdown.csv\""
    );
    let file = house.system.storage.path().join("export.csv");
    let url = house.system.db.url();
    let line =
        format!("analytics costs breakdown --by agent --since 24h --database-url {url} --export");
    let mut line: Vec<&str> = line.split(' ').collect();
    let file_name = file.display().to_string();
    line.push(&file_name);
    assert!(
        systemprompt_testkit::process::cli(&line)
            .unwrap()
            .status
            .success()
    );
    assert_eq!(csv.text(), std::fs::read_to_string(&file).unwrap());
    let json = browser
        .get("/api/v1/analytics/costs/breakdown.json?by=agent&since=24h")
        .await;
    assert_eq!(
        json.header("content-disposition"),
        "attachment; filename=\"costs-breakdown.json\""
    );
    assert_eq!(
        json.json()["rows"],
        house.says("costs breakdown", "by=agent&since=24h")["rows"]
    );
}

#[tokio::test]
async fn admins_change_tokens_and_users_and_viewers_look() {
    let house = House::furnished().await;
    let system = &house.system;
    let mut ada = Browser::signed_in(system, "ada").await;
    let form = [
        ("name", "ci <b>"),
        ("kind", "rd"),
        ("days", "7"),
        ("user", "ada"),
        ("agent", ""),
    ];
    let made = ada.post("/admin/tokens/create", &form).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    let page = made.text();
    let (_, rest) = page.split_once("<code data-copy>").unwrap();
    let (token, _) = rest.split_once('<').unwrap();
    assert!(
        token.starts_with("sp_rd_") && page.contains("ci &lt;b&gt;"),
        "{page}"
    );
    assert!(
        !ada.get("/admin/access").await.text().contains(token),
        "shown once"
    );
    let asks = async |token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let request = system.request(hyper::Method::GET, ASK, &headers, "");
        system.client().send(request).await.unwrap().status
    };
    assert_eq!(asks(token).await, StatusCode::OK);
    // The same name again, and what is no token, are refused with a reason.
    let again = ada.post("/admin/tokens/create", &form).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.text().contains("is called ci"), "{}", again.text());
    for (field, value) in [("kind", "all"), ("days", "-1"), ("days", "never")] {
        let mut form = vec![("name", "other"), ("kind", "rd"), ("days", "")];
        form.retain(|(name, _)| *name != field);
        form.push((field, value));
        let answer = ada.post("/admin/tokens/create", &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
    }
    let rotated = ada
        .post("/admin/tokens/rotate", &[("name", "ci <b>")])
        .await
        .text();
    let (_, rest) = rotated.split_once("<code data-copy>").unwrap();
    let (newer, _) = rest.split_once('<').unwrap();
    assert_eq!(asks(newer).await, StatusCode::OK);
    let revoked = ada
        .post("/admin/tokens/revoke", &[("name", "ci <b>")])
        .await;
    assert!(revoked.text().contains("are revoked"), "{}", revoked.text());
    let deadline = Instant::now() + PATIENCE;
    for token in [token, newer] {
        while asks(token).await != StatusCode::UNAUTHORIZED {
            assert!(Instant::now() < deadline, "a revoked token is accepted");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    // A user by a link, who may look and not change.
    let invited = ada
        .post(
            "/admin/users/invite",
            &[("name", "vera"), ("role", "viewer")],
        )
        .await;
    let page = invited.text();
    let (_, rest) = page.split_once("/admin/setup?key=").unwrap();
    let (key, _) = rest.split_once('<').unwrap();
    let mut vera = Browser::new(system);
    let chosen = [("key", key), ("password", PASSWORD), ("again", PASSWORD)];
    vera.post("/admin/setup", &chosen).await;
    let page = vera.get("/admin/access").await.text();
    assert!(
        page.contains("You may look") && !page.contains("Make token"),
        "{page}"
    );
    for path in [
        "/admin/tokens/create",
        "/admin/tokens/revoke",
        "/admin/users/switch",
    ] {
        let answer = vera
            .post(
                path,
                &[("name", "ada"), ("kind", "adm"), ("disable", "yes")],
            )
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let own = ada
        .post(
            "/admin/users/switch",
            &[("name", "ada"), ("disable", "yes")],
        )
        .await;
    assert_eq!(own.status, StatusCode::UNPROCESSABLE_ENTITY);
    ada.post(
        "/admin/users/switch",
        &[("name", "vera"), ("disable", "yes")],
    )
    .await;
    assert!(!vera.is_signed_in().await);
}
