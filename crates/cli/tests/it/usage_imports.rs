//! Usage that providers export in sums: counted to the last token, as often as it was, by
//! nobody twice.

use serde_json::{Value, json};
use systemprompt_storage::check::{Checked, check};

use crate::answers::json as parsed;
use crate::imports::Bench;

const CONSOLE: &str = "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,\
                       usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,\
                       usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,\
                       usage_output_tokens,web_search_count,inference_geo,speed";

const DASHBOARD: &str = "start_time,end_time,start_time_iso,end_time_iso,project_id,\
                         num_model_requests,user_id,api_key_id,model,batch,service_tier,\
                         input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens,\
                         input_text_tokens,output_text_tokens,input_cached_text_tokens,\
                         input_audio_tokens,input_cached_audio_tokens,output_audio_tokens";

/// 2026-11-20.
const DAY: i64 = 1_795_132_800;

fn table(header: &str, rows: &[String]) -> String {
    format!("{header}\n{}\n", rows.join("\n"))
}

impl Bench {
    async fn is_sound(&self) {
        let checked = check(self.asked.db.pool()).await.expect("it runs");
        assert_eq!(checked, Checked::default());
    }

    /// Totals of a day by the hour and by the day, which are the same.
    async fn day(&self, column: &str) -> i64 {
        let sums = ["hour", "day"].map(|grain| {
            format!(
                "select coalesce(sum({column}), 0)::bigint from usage_{grain} \
                 where cube = 'total' and date_bin('1 day', bucket, 'epoch') = '2026-11-20 00:00:00+00'"
            )
        });
        let mut found = Vec::new();
        for sql in sums {
            let sum = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql));
            found.push(sum.fetch_one(self.asked.db.pool()).await.expect("a sum"));
        }
        assert_eq!(found[0], found[1], "{column}");
        found[0]
    }
}

fn figures<'a>(of: &'a Value, names: &[&str]) -> Vec<&'a Value> {
    names.iter().map(|name| &of[*name]).collect()
}

#[tokio::test]
async fn the_console_export_is_counted_by_the_hour_and_stored_once() {
    let bench = Bench::new().await;
    let row = |model: &str, tier: &str, window: &str, counts: &str| {
        format!(
            "2026-11-20,{model},claude_code_key_ada,Claude Code,{tier},{window},{counts},not_available,"
        )
    };
    let rows = [
        // A dollar a million, of the cache a tenth, for an hour twice as much.
        row(
            "claude-haiku-4-5-20251001",
            "standard",
            "≤ 200k",
            "600000,0,100000,400000,7,3",
        ),
        // The same twice: two rows are two.
        row(
            "claude-haiku-4-5-20251001",
            "batch",
            "≤ 200k",
            "1000000,0,0,0,0,0",
        ),
        row(
            "claude-haiku-4-5-20251001",
            "batch",
            "≤ 200k",
            "1000000,0,0,0,0,0",
        ),
        // Above 200,000 it is 6 a million, whatever one of them had.
        row(
            "claude-sonnet-4-5-20250929",
            "standard",
            "> 200k",
            "100,0,0,0,0,0",
        ),
        row("claude-of-no-price", "standard", "≤ 200k", "0,0,0,0,1000,0"),
        row(
            "claude-haiku-4-5-20251001",
            "standard",
            "≤ 200k",
            "0,0,0,0,0,0",
        ),
        row(
            "claude-haiku-4-5-20251001",
            "standard",
            "≤ 200k",
            "some,0,0,0,0,0",
        ),
        row(
            "claude-haiku-4-5-20251001",
            "standard",
            "wide",
            "1,0,0,0,0,0",
        ),
        // A day that is not over.
        "2026-11-25,claude-haiku-4-5,a,b,standard,≤ 200k,1,0,0,0,0,0,global,".to_owned(),
    ];
    let file = bench.file("tokens.csv", &table(CONSOLE, &rows));
    let dry = bench.import("anthropic", &file, " --dry-run").await;
    let names = [
        "rows",
        "taken",
        "empty",
        "unfinished",
        "faulty",
        "stored",
        "without_requests",
    ];
    assert_eq!(
        figures(&dry, &names),
        [
            &json!(9),
            &json!(5),
            &json!(1),
            &json!(1),
            &json!(2),
            &Value::Null,
            &json!(5)
        ],
        "{dry:#}"
    );
    assert_eq!(bench.day("input").await, 0, "nothing is stored");

    let first = bench.import("anthropic", &file, "").await;
    // 0.6 + 0.04 + 0.2 + 0.000035 + 0.03 for three searches, twice 0.5, and 0.0006.
    assert_eq!(
        figures(
            &first,
            &["stored", "known", "unpriced", "cost_usd", "beside_imported"]
        ),
        [
            &json!(5),
            &json!(0),
            &json!(1),
            &json!("1.870635"),
            &json!(0)
        ],
        "{first:#}"
    );
    let lines = first["faulty_lines"].as_array().expect("a list").iter();
    assert_eq!(lines.map(|one| &one["line"]).collect::<Vec<_>>(), [8, 9]);
    let sums = [
        ("input", 2_600_100),
        ("cache_read", 400_000),
        ("cache_write_1h", 100_000),
        ("output", 1_007),
        ("cost_nanos", 1_870_635_000),
        ("unpriced_tokens", 1_000),
        // Nobody said how many.
        ("requests", 0),
        ("latency_n", 0),
    ];
    for (column, sum) in sums {
        assert_eq!(bench.day(column).await, sum, "{column}");
    }
    let least_and_most = "select max(input) - min(input) from usage_hour where cube = 'total'";
    assert!(bench.scalar(least_and_most).await <= 4, "even hours");
    assert_eq!(bench.scalar("select count(*) from ai_requests").await, 0);
    bench.is_sound().await;

    // Not nothing, but not known.
    let period = "--since 2026-11-20 --until 2026-11-21 --json";
    let unpriced = format!("analytics costs unpriced {period}");
    let unpriced = parsed(&bench.asked.run(&unpriced).await);
    assert_eq!(
        unpriced["rows"][0]["model"], "claude-of-no-price",
        "{unpriced:#}"
    );
    assert_eq!(unpriced["rows"][0]["unpriced_tokens"], 1_000);
    for one in ["breakdown --by model", "summary"] {
        let costs = format!("analytics costs {one} --model claude-of-no-price {period}");
        let costs = parsed(&bench.asked.run(&costs).await);
        assert_eq!(costs["rows"][0]["cost"], Value::Null, "{costs:#}");
        assert_eq!(costs["rows"].as_array().map(Vec::len), Some(1));
    }

    let again = bench.import("anthropic", &file, "").await;
    assert_eq!(
        figures(&again, &["stored", "known", "beside_imported"]),
        [&json!(0), &json!(5), &json!(0)]
    );
    for (column, sum) in sums {
        assert_eq!(bench.day(column).await, sum, "{column}");
    }
    let events = "select count(*) from audit_events where event = 'usage_imported'";
    assert_eq!(bench.scalar(events).await, 1);

    // Another grouping of the same day is another row, which is said.
    let other = "2026-11-20,claude-haiku-4-5,,Claude Code,standard,≤ 200k,9,0,0,0,0,0,global,";
    let other = bench.file("other.csv", &table(CONSOLE, &[other.to_owned()]));
    let beside = bench.import("anthropic", &other, "").await;
    assert_eq!(
        figures(&beside, &["stored", "beside_imported"]),
        [&json!(1), &json!(1)]
    );
    let agents = bench
        .asked
        .run("analytics costs breakdown --by agent --since 2026-11-20 --until 2026-11-21 --json")
        .await;
    let agents = parsed(&agents);
    let costs: Vec<_> = agents["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["name"].as_str().expect("a name"), row["cost"].clone()))
        .collect();
    assert_eq!(
        costs,
        [
            ("claude_code_key_ada", json!("1.870635")),
            ("Claude Code", json!("0.000009"))
        ],
        "{agents:#}"
    );
}

#[tokio::test]
async fn the_dashboard_export_counts_its_requests_and_can_be_priced_again() {
    let bench = Bench::new().await;
    let row = |begins: i64, seconds: i64, model: &str, counts: &str| {
        let ends = begins + seconds;
        format!("{begins},{ends},,,proj_1,{counts}").replacen("MODEL", model, 1)
    };
    let rows = [
        // 53,440 new, 5,760 cached.
        row(
            DAY,
            86_400,
            "gpt-4o-2024-08-06",
            "10.0,ada,key_1,MODEL,False,default,59200.0,10646.0,5760.0,53440.0,53440.0,10646.0,5760.0,0.0,0.0,0.0",
        ),
        // Of 1,000 in 200 are sound, of 100 out 30.
        row(
            DAY,
            3_600,
            "house-model",
            "7,ada,,MODEL,false,,1000,100,300,700,500,70,300,200,0,30",
        ),
        row(
            DAY + 7_200,
            3_600,
            "gpt-4o",
            "1,,key_2,MODEL,true,,1000,0,0,1000,1000,0,0,0,0,0",
        ),
        format!(
            "{DAY},{},2026-11-20T00:00:00+00:00,2026-11-21T00:00:00+00:00,,,,,,,,,,,,,,,,,",
            DAY + 86_400
        ),
        row(
            DAY,
            3_600,
            "gpt-4o",
            "1,,key_2,MODEL,false,,100,0,200,0,0,0,0,0,0,0",
        ),
        row(
            DAY,
            2 * 86_400,
            "gpt-4o",
            "1,,key_2,MODEL,false,,100,0,0,0,0,0,0,0,0,0",
        ),
        row(
            DAY,
            3_600,
            "",
            "1,,key_2,MODEL,false,,100,0,0,0,0,0,0,0,0,0",
        ),
    ];
    let file = bench.file("completions_usage.csv", &table(DASHBOARD, &rows));
    let costs = "start_time,end_time,amount_value,amount_currency\n\
                 1795132800,1795219200,0.25,usd\n1795219200,1795305600,9.99,usd\n1795305600,1795392000,,\n";
    let costs = bench.file("cost.csv", costs);
    let first = bench
        .import("openai", &file, &format!(" --costs {}", costs.display()))
        .await;
    // 53,440 at 2.5 a million, 5,760 at half of it, 10,646 at 10, and 1,000 at half price.
    assert_eq!(
        figures(
            &first,
            &[
                "stored", "requests", "empty", "faulty", "unpriced", "cost_usd"
            ]
        ),
        [
            &json!(3),
            &json!(18),
            &json!(1),
            &json!(3),
            &json!(1),
            &json!("0.24851")
        ],
        "{first:#}"
    );
    assert_eq!(
        figures(&first, &["stated_cost_usd", "stated_rows_of_other_days"]),
        [&json!("0.25"), &json!(1)]
    );
    for (column, sum) in [
        ("requests", 18),
        ("completed", 18),
        ("input", 53_440 + 500 + 1_000),
        ("cache_read", 5_760 + 300),
        ("audio_input", 200),
        ("output", 10_646 + 70),
        ("audio_output", 30),
        ("unpriced", 7),
        ("unpriced_tokens", 1_100),
        ("cost_nanos", 248_510_000),
    ] {
        assert_eq!(bench.day(column).await, sum, "{column}");
    }
    bench.is_sound().await;

    // What is recorded since is not counted twice.
    let recorded = json!([{
        "request_id": "a", "startTime": "2026-11-20T08:00:00Z", "endTime": "2026-11-20T08:00:01Z",
        "model": "gpt-4o", "custom_llm_provider": "openai", "prompt_tokens": 1, "completion_tokens": 0,
    }]);
    let recorded = bench.file("recorded.json", &recorded.to_string());
    bench.import("litellm", &recorded, "").await;
    let late = row(
        DAY + 36_000,
        3_600,
        "gpt-4o",
        "5,,,MODEL,false,,10,0,0,10,10,0,0,0,0,0",
    );
    let late = bench.file("late.csv", &table(DASHBOARD, &[late]));
    let left_out = bench.import("openai", &late, "").await;
    assert_eq!(
        figures(&left_out, &["taken", "recorded", "stored"]),
        [&json!(0), &json!(1), &json!(0)]
    );
    let all_the_same = bench.import("openai", &late, " --overlapping").await;
    assert_eq!(
        figures(&all_the_same, &["recorded", "stored"]),
        [&json!(0), &json!(1)]
    );
    assert_eq!(bench.day("requests").await, 18 + 1 + 5);
    bench.is_sound().await;

    // A price for the one that had none: 500 at 1, 300 at 1, 200 at 1; 100 at 2 a thousand.
    let recompute = "pricing recompute --since 2026-11-20 --until 2026-11-21 --json --set \
                     analytics.costs.custom_pricing.house-model.input_per_1k=1 \
                     --set analytics.costs.custom_pricing.house-model.output_per_1k=2";
    let run = bench.asked.run(recompute).await;
    assert_eq!(run.code, 0, "{run:?}");
    let priced = parsed(&run);
    assert_eq!(
        figures(&priced, &["changed", "newly_priced"]),
        [&json!(7), &json!(7)],
        "{priced:#}"
    );
    for (column, sum) in [
        ("unpriced", 0),
        ("unpriced_tokens", 0),
        // With one token and five times two at 2.5 a million.
        ("cost_nanos", 248_510_000 + 1_200_000_000 + 2_500 + 25_000),
    ] {
        assert_eq!(bench.day(column).await, sum, "{column}");
    }
    bench.is_sound().await;
    let kept = "select count(*) from cost_corrections where old_cost_nanos is null";
    assert_eq!(bench.scalar(kept).await, 1);

    // The budgets' accounts, which the recorded request opened, have it all as well.
    let accounts = "select count(*) from budget_periods where spent_nanos > 1000000000";
    assert!(bench.scalar(accounts).await > 0);
    let checked = bench.asked.run("infra db check").await;
    assert_eq!(checked.code, 0, "{checked:?}");

    let erased = bench.asked.run("admin user erase ada").await;
    assert_eq!(erased.code, 0, "{erased:?}");
    let named = "select count(*) from imported_usage where user_id = 'ada'";
    assert_eq!(bench.scalar(named).await, 0);
    bench.is_sound().await;
}

#[tokio::test]
async fn the_wrong_file_says_what_is_missing() {
    let bench = Bench::new().await;
    let costs = "usage_date_utc,model,cost_usd\n2026-11-20,Claude Haiku 4.5,0.10\n";
    let costs = bench.file("costs.csv", costs);
    for (source, complaint) in [
        (
            "anthropic",
            "the columns model_version, usage_input_tokens_no_cache, usage_output_tokens are missing; \
             this looks like the export of costs, which --costs takes",
        ),
        (
            "openai",
            "it is no export of usage by openai: the columns start_time or start_time_iso, \
             end_time or end_time_iso, input_tokens, output_tokens are missing",
        ),
    ] {
        let line = format!("import {source} {} --dry-run", costs.display());
        let run = bench.asked.run(&line).await;
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.err.contains(complaint), "{}", run.err);
    }
    let row = format!("{DAY},{},,,,1,,,gpt-4o,,,1,1,0,,,,,,,", DAY + 3_600);
    let file = bench.file("usage.csv", &table(DASHBOARD, &[row]));
    for (costs, complaint) in [
        (
            &file,
            "line 2 is none of an export of costs: it has no cost_usd or amount_value",
        ),
        (
            &bench.file(
                "pounds.csv",
                "start_time,amount_value,amount_currency\n1795132800,1,gbp\n",
            ),
            "its currency is gbp, not USD",
        ),
    ] {
        let line = format!(
            "import openai {} --dry-run --costs {}",
            file.display(),
            costs.display()
        );
        let run = bench.asked.run(&line).await;
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.err.contains(complaint), "{}", run.err);
    }
}

#[tokio::test]
async fn people_are_told_what_was_left_out() {
    let bench = Bench::new().await;
    let rows = [
        "2026-11-20,claude-haiku-4-5,a,b,standard,≤ 200k,1000000,0,0,0,0,0,global,".to_owned(),
        "2026-11-25,claude-haiku-4-5,a,b,standard,≤ 200k,1,0,0,0,0,0,global,".to_owned(),
    ];
    let file = bench.file("tokens.csv", &table(CONSOLE, &rows));
    let run = bench
        .asked
        .run(&format!("import anthropic {} --dry-run", file.display()))
        .await;
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    let (first, rest) = run.out.split_once(" s.\n").expect("how long it took");
    assert!(
        first.starts_with(
            "2 rows: 1 would be looked for and stored, 0 of no usage, 0 not readable. "
        ),
        "{first}"
    );
    insta::assert_snapshot!(rest, @r"
    They do not say how many requests they are, which counts as none. They cost 1 USD by our prices; 0 rows without a price.
    1 rows were left out: their time is not over. Export it again when it is.
    ");
}
