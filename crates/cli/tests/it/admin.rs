//! Tokens and agents on the command line.

use serde_json::{Value, json};

use crate::answers::{Asked, json};

async fn said(asked: &Asked, line: &str) -> String {
    let run = asked.run(line).await;
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{line}");
    run.out
}

async fn told(asked: &Asked, line: &str) -> Value {
    json(&asked.run(&format!("{line} --json")).await)
}

async fn refused(asked: &Asked, line: &str) -> (u8, String) {
    let run = asked.run(line).await;
    assert_eq!(run.out, "", "{line}");
    (run.code, run.err)
}

#[tokio::test]
async fn a_token_is_shown_once_with_the_line_that_uses_it() {
    let asked = Asked::empty().await;
    let page = said(&asked, "admin token create finance --kind rd --expires 90d").await;
    let token = page
        .split_whitespace()
        .find_map(|word| word.strip_prefix("SYSTEMPROMPT_TOKEN="))
        .expect("the token");
    assert!(token.starts_with("sp_rd_") && token.len() == 42, "{token}");
    assert!(page.contains("until 2027-02-23 10:07 UTC"), "{page}");
    assert!(
        page.contains("curl -H \"Authorization: Bearer $SYSTEMPROMPT_TOKEN\" http://"),
        "{page}"
    );
    let list = said(&asked, "admin token list").await;
    let shown = format!("sp_rd_{}…", &token[6..14]);
    assert!(list.contains(&shown) && list.contains("finance"), "{list}");
    let listed = told(&asked, "admin token list --all").await;
    assert!(!listed.to_string().contains(token), "{listed}");
    assert_eq!(listed["tokens"][0]["scopes"], json!(["read"]));
    assert_eq!(listed["tokens"][0]["expires_at"], "2027-02-23T10:07:30Z");

    let rotated = told(&asked, "admin token rotate finance --overlap 7d").await;
    assert_eq!(rotated["replaces"]["expires_at"], "2026-12-02T10:07:30Z");
    assert_eq!(rotated["replaces"]["state"], "replaced");
    assert_ne!(rotated["token"], token);
    let page = said(&asked, "admin token rotate finance --overlap 0").await;
    assert!(page.contains("is not accepted any more"), "{page}");
    let revoked = told(&asked, "admin token revoke finance").await;
    let states: Vec<_> = revoked["revoked"]
        .as_array()
        .expect("tokens")
        .iter()
        .map(|token| token["state"].as_str())
        .collect();
    assert_eq!(states, [Some("revoked"); 2], "the first and the last");
    let none = said(&asked, "admin token list").await;
    assert!(none.starts_with("No such tokens."), "{none}");
    assert_eq!(
        told(&asked, "admin token list --all").await["tokens"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
}

#[tokio::test]
async fn agents_come_before_their_tokens() {
    let asked = Asked::empty().await;
    let token = "admin token create laptop --kind agt --agent scout";
    let (code, said_first) = refused(&asked, token).await;
    assert_eq!(code, 1);
    assert!(
        said_first.contains("systemprompt admin agent create scout"),
        "{said_first}"
    );
    let known = said(&asked, "admin agent create scout --description Reads").await;
    assert!(
        known.contains(&format!("{} --kind agt", "admin token create scout")),
        "{known}"
    );
    let issued = told(&asked, token).await;
    assert_eq!(issued["scopes"], json!(["gateway", "mcp"]));
    let shown = told(&asked, "admin agent show scout").await;
    assert_eq!(shown["tokens"][0]["name"], "laptop");
    assert_eq!(shown["description"], "Reads");
    let page = said(&asked, "admin agent show scout").await;
    assert!(page.contains("Reads") && page.contains("laptop"), "{page}");
    let set = told(&asked, "admin agent set scout --disable").await;
    assert_eq!(set["state"], "disabled");
    assert!(said(&asked, "admin agent list").await.contains("disabled"));
    let (code, error) = refused(&asked, "admin token rotate laptop").await;
    assert_eq!(code, 1);
    assert!(error.contains("admin agent set scout --enable"), "{error}");
    let deleted = said(&asked, "admin agent delete scout").await;
    assert_eq!(deleted, "Deleted the agent scout. Tokens revoked: 1.\n");
    assert_eq!(
        told(&asked, "admin agent list").await,
        json!({"agents": []})
    );
}

#[tokio::test]
async fn mistakes_are_explained() {
    let asked = Asked::empty().await;
    for (line, code, says) in [
        (
            "admin token create a --kind gateway",
            2,
            "is none of ing, gw, rd, agt, adm",
        ),
        ("admin token create a --kind agt", 1, "--agent"),
        (
            "admin token create a --kind gw --expires 2026-11-01T00:00:00Z",
            2,
            "over already",
        ),
        ("admin token revoke nobody", 1, "admin token list --all"),
        (
            "admin token rotate nobody --overlap soon",
            2,
            "use 0, 30m, 24h, 7d or 1w",
        ),
        ("admin agent set nobody", 2, "--description"),
        ("admin agent show nobody", 1, "admin agent create nobody"),
    ] {
        let (exit, error) = refused(&asked, line).await;
        assert_eq!(exit, code, "{line}: {error}");
        assert!(error.contains(says), "{line}: {error}");
    }
}
