//! Looking after the database.

use serde_json::json;
use sqlx::Executor;

use crate::answers::{Asked, json};

/// A hundred days with two requests each, up to the tests' now.
const HUNDRED_DAYS: &str = "
    do $$
    declare day date;
    begin
        for day in select generate_series(date '2026-08-17', date '2026-11-25', '1 day') loop
            execute format('create table if not exists ai_requests_%s partition of ai_requests
                for values from (%L) to (%L)', to_char(day, 'YYYYMMDD'), day || ' 00:00+00',
                (day + 1) || ' 00:00+00');
        end loop;
    end
    $$;
    insert into ai_requests (id, created_at, trace_id, span_id, conversation_derived, provider, api,
        streamed, state, usage_source, usage_injected, input, cache_read, cache_write_5m,
        cache_write_1h, audio_input, tool_input, output, reasoning, audio_output, request_bytes,
        response_bytes, finished_at, conversation_id)
    select gen_random_uuid(), at, gen_random_uuid(), 1, true, 'anthropic', 'messages', false,
        'completed', 'none', false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, at, 'of-' || at::date
    from generate_series(timestamptz '2026-08-17 06:00Z', timestamptz '2026-11-25 06:00Z', '12 hours') at;
    insert into conversations select conversation_id, true, null, null, min(created_at),
        max(created_at), 2, 0, 0, 0 from ai_requests group by conversation_id;
";

async fn hundred_days() -> Asked {
    let asked = Asked::empty().await;
    asked
        .db
        .pool()
        .execute(HUNDRED_DAYS)
        .await
        .expect("the history");
    asked
}

#[tokio::test]
async fn what_is_too_old_is_told_then_removed() {
    let asked = hundred_days().await;
    let dry = asked.run("infra db retention --dry-run").await;
    assert_eq!((dry.code, dry.err.as_str()), (0, ""));
    insta::assert_snapshot!("db_retention_dry", dry.out);
    let partitions = json(&asked.run("infra db partitions --json").await);
    let days = |partitions: &serde_json::Value| {
        let rows = partitions["partitions"].as_array().expect("rows").iter();
        let days = rows.filter(|row| row["table"] == "ai_requests");
        days.filter_map(|row| row["day"].as_str().map(str::to_owned))
            .filter(|day| day.as_str() <= "2026-11-25")
            .collect::<Vec<_>>()
    };
    assert_eq!(days(&partitions).len(), 101);

    let went = json(&asked.run("infra db retention --json").await);
    assert_eq!(
        went,
        json!({
            "dry_run": false,
            "retention_days": 90,
            "kept_from": "2026-08-27T00:00:00Z",
            "removed": [
                {"table": "ai_requests", "partitions": 10, "rows": 20,
                 "from": "2026-08-17T00:00:00Z", "to": "2026-08-27T00:00:00Z"},
                {"table": "conversations", "partitions": 0, "rows": 10,
                 "from": "2026-08-17T18:00:00Z", "to": "2026-08-26T18:00:00Z"},
            ],
            "busy": [],
        })
    );
    let partitions = json(&asked.run("infra db partitions --json").await);
    assert_eq!(days(&partitions)[0], "2026-08-27");
    let again = asked.run("infra db retention").await;
    assert_eq!(
        again.out,
        "Nothing is too old to keep.\nDetail of 90 days is kept, from 2026-08-27 on.\n"
    );
    let shorter = json(&asked.run("infra db retention --days 30 --json").await);
    assert_eq!(shorter["removed"][0]["partitions"], 60);
    let none = asked.run("infra db retention --days 0").await;
    assert_eq!(none.code, 2, "{none:?}");

    // Lists say what they lack.
    let list = json(
        &asked
            .run("analytics requests list --since 2026-08-01 --json")
            .await,
    );
    assert_eq!(
        list["note"],
        "requests from before 2026-10-26 are counted but no longer kept one by one"
    );
    let recent = json(&asked.run("analytics requests list --since 7d --json").await);
    assert_eq!(recent.get("note"), None);
    let list = json(
        &asked
            .run("analytics conversations list --since 2026-08-01 --json")
            .await,
    );
    assert_eq!(
        list["note"],
        "conversations that ended before 2026-10-26 are no longer kept"
    );
    // An id of August.
    let missing = asked.run("infra logs audit 01a01c77-ac00").await;
    assert_eq!(missing.code, 1);
    assert_eq!(
        missing.err,
        "error: no request, tool call, trace, session or audit event has the id 01a01c77-ac00; requests from \
         before 2026-10-26 are counted but no longer kept one by one\n"
    );
}

#[tokio::test]
async fn how_the_database_is() {
    let asked = hundred_days().await;
    let status = json(&asked.run("infra db status --json").await);
    assert_eq!(
        status["detail"],
        json!({
            "oldest": "2026-08-17T06:00:00Z",
            "newest": "2026-11-25T06:00:00Z",
            "complete_from": null,
        })
    );
    assert_eq!(
        (&status["dead_letters"], &status["spools"]),
        (&json!(0), &json!([]))
    );
    let migrations = status["migrations"].as_array().expect("migrations");
    assert!(
        migrations.iter().all(|m| m["applied_at"].is_string()),
        "{status}"
    );
    let page = asked.run("infra db status").await;
    assert_eq!((page.code, page.err.as_str()), (0, ""));
    for part in [
        "PostgreSQL ",
        "Detail        2026-08-17 06:00 to 2026-11-25 06:00 UTC\n",
        "Dead letters  none\n",
    ] {
        assert!(page.out.contains(part), "{part}: {}", page.out);
    }
    let page = asked.run("infra db partitions").await;
    assert_eq!((page.code, page.err.as_str()), (0, ""));
    assert!(page.out.contains("2026-08-17"), "{}", page.out);
}

#[tokio::test]
async fn a_total_that_is_not_the_sum_of_its_requests_fails_the_check() {
    let asked = Asked::empty().await;
    let sound = asked.run("infra db check").await;
    assert_eq!(
        (sound.code, sound.out.as_str(), sound.err.as_str()),
        (0, "Every total is the sum of its requests.\n", "")
    );
    asked
        .db
        .pool()
        .execute(HUNDRED_DAYS)
        .await
        .expect("the history");
    let found = asked.run("infra db check").await;
    assert_eq!(found.code, 1);
    assert!(found.out.starts_with("usage_quarter ["), "{}", found.out);
    assert!(found.err.ends_with("rows differ\n"), "{}", found.err);
    let found = json(&asked.run("infra db check --json").await);
    assert!(found["differences"].as_array().expect("rows").len() > 100);
    assert_eq!(found["days_left_out"], json!([]));
}
