//! An agent sees nothing but itself, whatever it asks for.

use systemprompt_reporting::{Error, QUERIES};

use crate::store::Store;

#[tokio::test]
async fn an_agent_sees_itself() {
    let everything = Store::new().await;
    let expected = everything.row("requests/stats?since=30d&agent=scout").await;
    let foreign = everything
        .ask("requests/list?agent=writer&state=completed")
        .await
        .rows[0]["id"]
        .clone();
    let scout = everything.seen_by("scout");

    assert_eq!(scout.row("requests/stats?since=30d").await, expected);
    assert_eq!(
        scout.row("requests/stats?since=30d&agent=scout").await,
        expected
    );
    assert_eq!(
        scout.row("requests/stats?since=30d&agent=writer").await["requests"],
        0
    );

    let agents = scout.ask("costs/breakdown?since=30d&by=agent").await;
    assert_eq!(agents.rows.len(), 1);
    assert_eq!(agents.rows[0]["name"], "scout");
    for row in scout.ask("requests/list?since=30d&limit=1000").await.rows {
        assert_eq!(row["agent"], "scout");
    }
    let started = scout.ask("requests/list?state=started&state=stale").await;
    assert_eq!(started.rows.len(), 1);

    for id in [
        foreign.as_str().expect("an id"),
        "01a2122b-5740-7000-8000-000000000002",
    ] {
        let answer = scout.try_ask(&format!("requests/show?id={id}")).await;
        assert!(
            matches!(answer, Err(Error::NotFound(_))),
            "{id}: {answer:?}"
        );
    }
    for row in scout.ask("overview").await.rows {
        if let Some("active_agents" | "under_way") = row["metric"].as_str() {
            assert_eq!(row["value"], 1, "{row}");
        }
    }
}

/// A question that forgot the scope would show something to this one.
#[tokio::test]
async fn nobody_sees_nothing() {
    let nobody = Store::new().await.with_alerts().await.seen_by("nobody");
    for entry in QUERIES
        .iter()
        .filter(|entry| entry.path != ["requests", "show"])
    {
        let answer = nobody.ask(&entry.path.join("/")).await;
        for row in answer.rows {
            for (name, value) in row.as_object().expect("a row") {
                let nothing = value.is_null() || value == 0 || value == "0" || name == "bucket";
                let labels = [
                    "section", "metric", "unit", "period", "since", "until", "elapsed",
                ];
                let label = labels.contains(&name.as_str());
                assert!(nothing || label, "{:?} {name}: {value}", entry.path);
            }
        }
    }
}
