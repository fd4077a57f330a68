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

#[tokio::test]
async fn an_agent_sees_its_own_conversations() {
    let everything = Store::new().await;
    let whole = everything
        .ask("conversations/list?since=30d&limit=1000")
        .await;
    let of = |agent: &str| {
        let begun = whole.rows.iter().filter(|row| row["agent"] == agent);
        begun.cloned().collect::<Vec<_>>()
    };
    let (own, foreign) = (of("scout"), of("writer"));
    let figures = everything.row("agents/list?since=30d&agent=scout").await;
    let scout = everything.seen_by("scout");

    let list = scout.ask("conversations/list?since=30d&limit=1000").await;
    assert!(!own.is_empty() && list.rows == own);
    let stats = scout.row("conversations/stats?since=30d").await;
    assert_eq!(stats["conversations"], own.len());
    let steps = scout.ask("conversations/trends?since=30d").await.rows;
    let begun: i64 = steps
        .iter()
        .map(|row| row["conversations"].as_i64().expect("a count"))
        .sum();
    assert_eq!(begun, own.len() as i64);

    let foreign = foreign[0]["conversation_id"].as_str().expect("an id");
    for question in [
        format!("conversations/show?id={foreign}"),
        "agents/show?name=writer".to_owned(),
    ] {
        let answer = scout.try_ask(&question).await;
        let Err(Error::NotFound(message)) = answer else {
            panic!("{question}: {answer:?}");
        };
        assert!(!message.contains("critic"), "{message}");
    }
    let next = format!("conversations/list?before={foreign}");
    assert!(matches!(
        scout.try_ask(&next).await,
        Err(Error::NotFound(_))
    ));

    let agents = scout.ask("agents/list?since=30d").await;
    assert_eq!(agents.rows, std::slice::from_ref(&figures));
    let stats = scout.row("agents/stats?since=30d").await;
    assert_eq!(
        (&stats["agents"], &stats["requests"]),
        (&1.into(), &figures["requests"])
    );
    let shown = scout.row("agents/show?since=30d&name=scout").await;
    assert_eq!(shown["requests"], figures["requests"]);
}

/// A conversation may go on with another agent, which is not shown to the first.
#[tokio::test]
async fn an_agent_sees_its_own_turns() {
    let everything = Store::new().await;
    let list = everything
        .ask("conversations/list?since=30d&agent=scout&limit=1000")
        .await;
    let mut hidden = 0;
    let mut asked = Vec::new();
    for row in list.rows {
        let id = row["conversation_id"].as_str().expect("an id").to_owned();
        let own = everything
            .ask(&format!(
                "requests/list?since=31d&limit=1000&agent=scout&conversation={id}"
            ))
            .await;
        asked.push((id, own.rows.len(), row["requests"].clone()));
    }
    let scout = everything.seen_by("scout");
    for (id, own, all) in asked {
        let shown = scout.row(&format!("conversations/show?id={id}")).await;
        let turns = shown["turns"].as_array().expect("turns").len();
        assert_eq!(turns, own, "{id}");
        hidden += usize::from(all != own);
    }
    assert!(
        hidden > 0,
        "the history has conversations of several agents"
    );
}

/// A question that forgot the scope would show something to this one.
#[tokio::test]
async fn nobody_sees_nothing() {
    let nobody = Store::new().await.with_alerts().await.seen_by("nobody");
    for entry in QUERIES.iter().filter(|entry| entry.name() != Some("show")) {
        let answer = nobody.ask(&entry.path.join("/")).await;
        for row in answer.rows {
            for (name, value) in row.as_object().expect("a row") {
                let empty = value.as_array().is_some_and(Vec::is_empty);
                let nothing =
                    empty || value.is_null() || value == 0 || value == "0" || name == "bucket";
                let labels = [
                    "section", "metric", "unit", "period", "since", "until", "elapsed", "pattern",
                ];
                let label = labels.contains(&name.as_str());
                assert!(nothing || label, "{:?} {name}: {value}", entry.path);
            }
        }
    }
}
