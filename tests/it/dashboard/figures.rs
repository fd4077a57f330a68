//! Every figure on every panel of every page is the one that the command line
//! answers, exactly; and what is shown is that figure, rounded.

use serde_json::Value;

use super::driver::Driver;
use super::house::House;

/// Every panel of a page with its question and its figures: where the answer has
/// each, its exact value, and the text that people see.
const PANELS: &str = r"
return [...document.querySelectorAll('.panel[data-question]')].map((panel) => {
  const figures = [];
  for (const one of panel.querySelectorAll('data[data-at]'))
    figures.push(['rows/' + one.dataset.at, one.value, one.textContent]);
  for (const table of panel.querySelectorAll('table[data-rows]')) {
    const keys = [...table.querySelectorAll('thead th')].map((th) => th.dataset.k);
    [...table.tBodies[0].rows].forEach((row, n) => [...row.cells].forEach((cell, i) => {
      if (!keys[i]) return;
      const text = cell.textContent;
      figures.push([`${table.dataset.rows}/${n}/${keys[i]}`, cell.dataset.v ?? text, text]);
    }));
  }
  return {question: panel.dataset.question, params: panel.dataset.params, figures,
          failed: Boolean(panel.querySelector('.failed')), empty: Boolean(panel.querySelector('.empty'))};
});";

/// Every page there is, and one of each thing that has a page of its own.
pub(super) async fn pages(driver: &Driver) -> Vec<String> {
    driver.go("/admin").await;
    let links = driver
        .js("return [...document.querySelectorAll('.side li a')].map((a) => a.getAttribute('href'))")
        .await;
    let mut pages: Vec<String> = links
        .as_array()
        .unwrap()
        .iter()
        .map(|link| link.as_str().unwrap().to_owned())
        .collect();
    assert!(pages.len() >= 18, "{pages:?}");
    for slug in [
        "requests",
        "agents",
        "conversations",
        "traces",
        "tools",
        "sessions",
        "content",
    ] {
        driver.go(&format!("/admin/{slug}")).await;
        let script = format!(
            "return [...document.querySelectorAll('td a')].map((a) => a.getAttribute('href'))\
             .filter((href) => href.startsWith('/admin/{slug}/'))"
        );
        let links = driver.js(&script).await;
        let links = links.as_array().unwrap();
        assert!(!links.is_empty(), "nothing to open on {slug}");
        // Agents with hostile names among them.
        let own = links.iter().map(|link| link.as_str().unwrap().to_owned());
        let most = match slug {
            "agents" => 6,
            "tools" => 4,
            _ => 2,
        };
        pages.extend(own.take(most));
    }
    pages
}

/// Compares a page with the command line; says how many figures it had. Between the
/// two a quarter of an hour may begin, so what differs is looked at once more.
async fn compare(house: &House, driver: &Driver, page: &str) -> usize {
    match look(house, driver, page).await {
        Ok(count) => count,
        Err(_) => look(house, driver, page).await.unwrap(),
    }
}

async fn look(house: &House, driver: &Driver, page: &str) -> Result<usize, String> {
    driver.go(page).await;
    let panels = driver.js(PANELS).await;
    let mut count = 0;
    for panel in panels.as_array().unwrap() {
        let (question, params) = (
            panel["question"].as_str().unwrap(),
            panel["params"].as_str().unwrap(),
        );
        let what = format!("{page} {question}?{params}");
        assert_eq!(panel["failed"], false, "{what}");
        let said = house.says(question, params);
        let figures = panel["figures"].as_array().unwrap();
        if panel["empty"] == true {
            let nothing = said["rows"].as_array().unwrap();
            let zero = nothing.iter().all(all_zero);
            assert!(nothing.is_empty() || zero, "{what} shows nothing of {said}");
            continue;
        }
        assert!(!figures.is_empty(), "{what} has no figures");
        for figure in figures {
            let at = figure[0].as_str().unwrap();
            let (value, text) = (figure[1].as_str().unwrap(), figure[2].as_str().unwrap());
            let answer = said.pointer(&format!("/{at}"));
            let answer = answer.unwrap_or_else(|| panic!("{what} {at}: not in {said}"));
            let exact = match answer {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            // Nothing is written as a dash.
            let nothing = exact.is_empty() && matches!(text, "–" | "(none)");
            if !(value == exact || nothing || moves(at, value, &exact)) {
                return Err(format!("{what} {at}: {value:?} is not {exact:?}"));
            }
            if !reads_as(text, value) {
                return Err(format!("{what} {at}: {text:?} does not read as {value:?}"));
            }
            count += 1;
        }
    }
    Ok(count)
}

/// Figures that go with the clock agree as far as two looks, a moment apart, can.
fn moves(at: &str, value: &str, exact: &str) -> bool {
    let key = at.rsplit('/').next().unwrap_or_default();
    let near = |a: f64, b: f64| (a - b).abs() <= 0.01 * a.abs().max(b.abs()).max(0.01);
    let both = value.parse().ok().zip(exact.parse().ok());
    matches!(key, "forecast" | "pace" | "elapsed") && both.is_some_and(|(a, b)| near(a, b))
}

fn all_zero(row: &Value) -> bool {
    let figures = row
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| *key != "bucket");
    figures.into_iter().all(|(_, value)| {
        value.is_null() || value.as_f64() == Some(0.0) || value.as_str() == Some("0")
    })
}

/// Whether a text is a figure's value, rounded to the digits that it shows. Texts
/// that are no figures are compared as they are elsewhere.
fn reads_as(text: &str, exact: &str) -> bool {
    let Ok(value) = exact.parse::<f64>() else {
        return true;
    };
    let bare: String = text
        .chars()
        .filter(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
        .collect();
    let small = text.starts_with("< ");
    let spans = text.contains(" min ") || text.contains(" h ") || text.contains(" d ");
    let Ok(shown) = bare.parse::<f64>() else {
        return !text.chars().any(|c| c.is_ascii_digit());
    };
    if small || spans {
        return true;
    }
    let scale = match text {
        text if text.ends_with('%') => 0.01,
        // What is stated in milliseconds, not in seconds.
        text if text.ends_with(" s") && value >= 1_000.0 => 1_000.0,
        _ => 1.0,
    };
    // Of a hundred, not of one.
    let scale = match value {
        value if scale == 0.01 && value > 1.000_001 && shown < 100.5 => 1.0,
        _ => scale,
    };
    let decimals = bare.split_once('.').map_or(0, |(_, part)| part.len());
    let shown = if text.starts_with('▼') {
        -shown
    } else {
        shown
    };
    let digit = 10_f64.powi(-i32::try_from(decimals).unwrap()) * scale;
    (shown * scale - value).abs() <= digit * 0.500_001 + value.abs() * 1e-9
}

#[tokio::test]
#[ignore = "needs chromium: .ci/browser"]
async fn every_figure_is_the_command_lines() {
    let house = House::furnished().await;
    let driver = house.browser().await;
    house.settles().await;
    let mut count = 0;
    for page in pages(&driver).await {
        count += compare(&house, &driver, &page).await;
    }
    for page in [
        "/admin?since=today&timezone=Europe/Berlin",
        "/admin/costs?since=24h&agent=scout&agent=clerk",
        "/admin/requests?since=30d&compare=off&model=claude-haiku-4-5-20251001",
        "/admin/requests?since=1h&state=failed",
        "/admin/audit?since=24h&category=mcp_tools",
        "/admin/activity?since=24h&user=ada",
        "/admin/costs?since=2026-01-01&until=2026-01-08",
        "/admin/traffic?since=24h&timezone=Europe/Berlin",
        "/admin/tools?since=24h&agent=scout",
        "/admin/sessions?since=today",
    ] {
        count += compare(&house, &driver, page).await;
    }
    println!("{count} figures are what the command line says");
    assert!(count > 1_000, "{count}");
    assert_eq!(driver.complaints().await, Vec::<String>::new());
}
