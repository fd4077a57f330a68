//! The tables that web traffic is judged by: an installation's own, and what is said
//! of those that cannot be used.

use systemprompt_config::RELOADED;
use systemprompt_web::Rules;

use super::Installation;

const OWN: &str = "version: 2099-01-01\nknown:\n  monitoring: {Us: [our-prober]}\n";

#[test]
fn without_own_tables_the_compiled_in_ones_hold() {
    let built_in = Rules::built_in().version();
    let none = Installation::new("").config();
    assert_eq!(none.profile.web.rules().version(), built_in);
    let bots = Rules::text("bots.yaml").expect("a table");
    let copied = Installation::new("").write("services/web/bots.yaml", bots);
    assert_eq!(copied.config().profile.web.rules().version(), built_in);
}

#[test]
fn a_short_table_adds_and_an_edited_copy_is_all_there_is() {
    let added = Installation::new("").write("services/web/bots.yaml", OWN);
    let config = added.config();
    let rules = config.profile.web.rules();
    assert!(rules.bot("our-prober/1.0").is_some() && rules.bot("Googlebot/2.1").is_some());
    let bots = Rules::text("bots.yaml").expect("a table");
    let edited = Installation::new("").write(
        "services/web/bots.yaml",
        bots.replace("Googlebot*", "Otherbot*"),
    );
    let config = edited.config();
    let edited = config.profile.web.rules();
    assert!(edited.bot("Otherbot/1.0").is_some());
    let google = edited.bot("Googlebot/2.1");
    assert!(
        google.is_none_or(|bot| bot.operator.is_none()),
        "what was taken out is gone"
    );
}

#[test]
fn mistakes_are_named_by_file_line_and_key() {
    for (file, text, said) in [
        (
            "bots.yaml",
            "version: 1\nknown:\n  serch: {Us: [x]}\n",
            "services/web/bots.yaml:3: known",
        ),
        (
            "robots.yaml",
            "version: 1\n",
            "services/web/robots.yaml: no table has this name",
        ),
        (
            "spam.yml",
            "version: 1\n",
            "services/web/spam.yml: no table has this name",
        ),
        (
            "signals.yaml",
            "version: [\n",
            "services/web/signals.yaml:1",
        ),
    ] {
        let error = Installation::new("")
            .write(&format!("services/web/{file}"), text)
            .error();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn a_change_of_tables_is_one_of_the_settings() {
    let before = Installation::new("").config().profile;
    let after = Installation::new("")
        .write("services/web/bots.yaml", OWN)
        .config()
        .profile;
    let told = |profile: &systemprompt_config::Profile| {
        let mut settings = profile.settings().into_iter();
        settings.any(|setting| setting.key == "services/web")
    };
    assert!(!told(&before) && told(&after));
    assert!(RELOADED.contains(&"services/web"));
    let next = before.with_reloaded(&after);
    assert_eq!(next.web.rules().version(), after.web.rules().version());
}
