//! Paths, campaigns, content and reading.

use proptest::prelude::*;
use systemprompt_web::page::{host_of, path};
use systemprompt_web::{Page, PageReading, Reading, RequestKind, Rules};
use time::Duration;

#[test]
fn one_spelling_of_a_path() {
    for (address, expected) in [
        ("", "/"),
        ("/", "/"),
        ("//", "/"),
        ("/a", "/a"),
        ("/a/", "/a"),
        ("/a/b/?x=1", "/a/b"),
        ("/a#top", "/a"),
        ("/a?x#y?z", "/a"),
        ("?x=1", "/"),
        ("a/b", "/a/b"),
        ("/caf%C3%A9", "/caf%C3%A9"),
        ("/a\u{202e}b\nc", "/abc"),
    ] {
        assert_eq!(path(address), expected, "{address}");
    }
    assert!(path(&"/x".repeat(10_000)).len() <= 1_025);
    assert!(path(&"/é".repeat(10_000)).len() <= 1_025);
}

#[test]
fn hosts_of_addresses() {
    for (address, expected) in [
        ("https://Example.com/a", Some("example.com")),
        ("https://www.example.com", Some("example.com")),
        ("//cdn.example.com/x", Some("cdn.example.com")),
        ("https://user:secret@example.com:8443/", Some("example.com")),
        ("https://[2001:db8::1]:443/", Some("2001:db8::1")),
        ("https://example.com./", Some("example.com")),
        ("https://münchen.example/", Some("münchen.example")),
        ("/path?u=https://example.com/", None),
        ("https://", None),
        ("https://a b/", None),
        ("javascript:alert(1)", None),
        ("", None),
    ] {
        assert_eq!(host_of(address).as_deref(), expected, "{address}");
    }
}

#[test]
fn campaigns_are_taken_out() {
    let page = Page::parse(
        "https://example.com/a/?UTM_Source=Big+News&utm_medium=&utm_source=second&msclkid=M&gclid=G&x=1#f?utm_term=no",
    );
    assert_eq!(page.path, "/a");
    assert_eq!(page.campaign.source.as_deref(), Some("big news"));
    assert_eq!(page.campaign.medium, None);
    assert_eq!(page.campaign.term, None);
    let click = page.campaign.click.expect("a click id");
    assert_eq!((click.parameter, click.value.as_str()), ("msclkid", "M"));
    assert!(Page::parse("/a?x=1").campaign.is_empty());
    assert_eq!(
        Page::parse("/?ref=x&source=y&utm_source=z")
            .campaign
            .source
            .as_deref(),
        Some("z")
    );
    assert_eq!(
        Page::parse("/?ref=x&source=y").campaign.source.as_deref(),
        Some("y")
    );
    let long = format!("/?utm_campaign={}", "x".repeat(5_000));
    assert_eq!(
        Page::parse(&long).campaign.campaign.expect("one").len(),
        200
    );
}

#[test]
fn what_requests_are_for() {
    for (target, kind) in [
        ("/", RequestKind::Page),
        ("/blog/post.html", RequestKind::Page),
        ("/index.php?x=a.css", RequestKind::Page),
        ("/v1.2/guide", RequestKind::Page),
        ("/style.css?v=3", RequestKind::Asset),
        ("/IMG/Logo.PNG", RequestKind::Asset),
        ("/favicon.ico", RequestKind::Favicon),
        ("/apple-touch-icon-precomposed.png", RequestKind::Favicon),
        ("/robots.txt", RequestKind::Robots),
        ("/feed/", RequestKind::Feed),
        ("/blog/index.rss", RequestKind::Feed),
        ("/sitemap.xml", RequestKind::File),
        ("/paper.pdf", RequestKind::File),
    ] {
        assert_eq!(Rules::built_in().request(target), kind, "{target}");
    }
}

#[test]
fn content_is_found_by_its_path() {
    let found = |path: &str| {
        Rules::built_in()
            .content(path)
            .map(|item| format!("{} {} {}", item.kind, item.path, item.slug))
    };
    let post = Some("article /blog/hello hello".to_owned());
    for spelling in [
        "/blog/hello",
        "/blog/hello/",
        "/blog/hello?utm_source=x",
        "/blog/hello/#part",
        "blog/hello",
    ] {
        assert_eq!(found(spelling), post, "{spelling}");
    }
    assert_eq!(
        found("/blog/2026/05/hello"),
        Some("article /blog/2026/05/hello 2026/05/hello".into())
    );
    assert_eq!(found("/docs/a/b"), Some("docs /docs/a/b a/b".into()));
    for none in [
        "/",
        "/blog",
        "/blog/",
        "/about",
        "/products/a/b",
        "/blogs/x",
    ] {
        assert_eq!(found(none), None, "{none}");
    }
    let own = "version: 1\nitems: [{kind: story, path: \"/blog/{slug}\"}, {kind: talk, path: \"/talks/{slug}/video\"}]";
    let rules = Rules::load(&[("content.yaml", own)]).expect("a table");
    assert_eq!(rules.content("/blog/x").expect("one").kind, "story");
    assert_eq!(rules.content("/talks/x/video").expect("one").slug, "x");
    assert_eq!(rules.content("/talks/x"), None);
}

#[test]
fn reading_patterns() {
    let read = |engaged_s: u64, scroll, open_s, words| {
        Rules::built_in().reading(&PageReading {
            engaged_ms: engaged_s * 1_000,
            scroll,
            open: Duration::seconds(open_s),
            words,
        })
    };
    assert_eq!(read(0, 0, 0, None), Reading::Bounced);
    assert_eq!(read(4, 100, 4, None), Reading::Bounced);
    assert_eq!(read(5, 0, 5, None), Reading::Read);
    // 920 words take four minutes.
    assert_eq!(read(79, 50, 90, Some(920)), Reading::Skimmed);
    assert_eq!(read(81, 50, 90, Some(920)), Reading::Read);
    assert_eq!(read(79, 49, 90, Some(920)), Reading::Read);
    assert_eq!(read(161, 75, 200, Some(920)), Reading::DeepRead);
    assert_eq!(read(161, 74, 200, Some(920)), Reading::Read);
    assert_eq!(read(150, 90, 200, Some(920)), Reading::Read);
    // A tab forgotten for an hour, and one that kept its focus all night.
    assert_eq!(read(30, 20, 3_600, Some(920)), Reading::LeftOpen);
    assert_eq!(read(2_500, 20, 2_500, Some(920)), Reading::LeftOpen);
    assert_eq!(read(300, 90, 2_000, Some(920)), Reading::DeepRead);
    // A minute is enough for a page whose words nobody counted.
    assert_eq!(read(61, 100, 61, Some(0)), Reading::DeepRead);
}

proptest! {
    #[test]
    fn any_address_is_a_harmless_page(address in ".{0,400}") {
        let page = Page::parse(&address);
        prop_assert!(page.path.starts_with('/'));
        prop_assert!(page.path.len() <= 1_025);
        prop_assert!(!page.path.contains(['?', '#']));
        prop_assert!(!page.path.chars().any(char::is_control));
        prop_assert!(page.path == "/" || !page.path.ends_with('/'));
        // Once spelled, always spelled.
        prop_assert_eq!(path(&page.path), page.path);
        let _ = Rules::built_in().content(&address);
        let _ = Rules::built_in().request(&address);
        let _ = Rules::built_in().is_scan("GET", &address, 404);
    }
}
