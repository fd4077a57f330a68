//! What readers have lying around: logs, and what others export.

use std::path::Path;

use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

/// What a reader's own file of prices may hold.
const PRICES: &str = "\
providers:
  openai: {models: [{model: house-1, source: single 2026-11-24, versions: [
    {rates: {input: 1, output: 4}}]}]}
";
const CONSOLE: &str = "\
usage_date_utc,model_version,api_key,workspace,usage_type,context_window,\
usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,\
usage_input_tokens_cache_read,usage_output_tokens,web_search_count,inference_geo,speed
2026-03-02,claude-haiku-4-5-20251001,key,Default,standard,≤ 200k,1000,0,0,300,200,0,,
";
const DASHBOARD: &str = "\
start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,\
model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens,\
input_text_tokens,output_text_tokens,input_cached_text_tokens,input_audio_tokens,\
input_cached_audio_tokens,output_audio_tokens
1772409600,1772496000,2026-03-02T00:00:00,2026-03-03T00:00:00,proj_1,1,,key_1,gpt-4o-2024-08-06,\
false,,1000,200,0,1000,1000,200,0,0,0,0
";
const COSTS: &str = "\
start_time,end_time,amount_value,amount_currency
1772409600,1772496000,0.0045,usd
";

/// Puts them into a folder, under the names by which pages call them.
pub(super) fn write(folder: &Path) {
    let yesterday = OffsetDateTime::now_utc() - Duration::DAY;
    let clf = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let hit = format!(
        "203.0.113.7 - - [{}] \"GET /guide HTTP/1.1\" 200 10 \"-\" \"Mozilla/5.0\"\n",
        yesterday.format(clf).unwrap()
    );
    let end = yesterday + Duration::seconds(2);
    let [start, end] = [yesterday, end].map(|at| at.format(&Rfc3339).unwrap());
    let spend = format!(
        "request_id,call_type,startTime,endTime,model,custom_llm_provider,prompt_tokens,completion_tokens,spend,user,status\n\
         chatcmpl-1,acompletion,{start},{end},claude-haiku-4-5,anthropic,1000,200,0.002,ada,success\n"
    );
    let generation = json!({
        "id": "gen-1", "traceId": "trace-1", "type": "GENERATION", "startTime": start, "endTime": end,
        "model": "claude-haiku-4-5", "usageDetails": {"input": 1_000, "output": 200}, "level": "DEFAULT",
    });
    for (name, text) in [
        ("access.log", hit.as_str()),
        ("prices.yaml", PRICES),
        ("spend-logs.csv", &spend),
        ("observations.jsonl", &format!("{generation}\n")),
        ("claude_api_tokens_2026_03.csv", CONSOLE),
        ("completions_usage_2026-03-01_2026-04-01.csv", DASHBOARD),
        ("cost_2026-03-01_2026-04-01.csv", COSTS),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    std::fs::create_dir(folder.join("backups")).unwrap();
}
