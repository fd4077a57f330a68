//! `systemprompt content`: which pages count as content.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};
use serde_json::json;
use systemprompt_config::Config;
use systemprompt_storage::web::content::{self, NewContent, Registered, path_of};
use systemprompt_storage::web::page_host;

use crate::Outside;
use crate::command::{Globals, group};
use crate::database;
use crate::failure::Failure;

const IMPORT_HELP: &str = "\
A sitemap (sitemap.xml) names pages; sitemaps of sitemaps do not, import those that they name. Any
other file has one page a line: its address or its path, and after a tab its title.

Examples:
  systemprompt content import public/sitemap.xml
  systemprompt content import pages.tsv --site example.com --kind article";

/// A larger file is none of pages.
const LARGEST: u64 = 64 << 20;
/// Pages that are registered at once.
const BATCH: usize = 1_000;

// No doc comments: clap would take them for the help of the command.
#[derive(Debug, clap::Args)]
struct Import {
    /// A sitemap, or a file with a page a line; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Site of pages that are named by their path
    #[arg(long, value_name = "HOST")]
    site: Option<String>,
    /// What kind of content these pages are
    #[arg(long, value_name = "KIND", default_value = "")]
    kind: String,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Remove {
    /// The page's address or path
    #[arg(value_name = "URL|PATH")]
    page: String,
    /// Its site, where several have the path
    #[arg(long, value_name = "HOST")]
    site: Option<String>,
}

pub(crate) fn command() -> Command {
    group("content", "Say which pages count as content")
        .subcommand(Import::augment_args(
            Command::new("import")
                .about("Register the pages of a sitemap, or of a list")
                .after_help(IMPORT_HELP),
        ))
        .subcommand(Remove::augment_args(
            Command::new("remove").about("Remove a page from content; its views stay counted"),
        ))
}

pub(crate) fn run(
    command: &str,
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let config = systemprompt_config::load(&globals.sources())?;
    match command {
        "import" => import(matches, &config, outside),
        "remove" => remove(matches, &config, outside),
        other => unreachable!("clap admits no other commands than {other:?}"),
    }
}

fn import(matches: &ArgMatches, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let args = Import::from_arg_matches(matches).map_err(Failure::CommandLine)?;
    let fault = |reason: String| Failure::TrafficFile {
        file: args.file.clone(),
        reason,
    };
    let text = read(&args.file).map_err(|error| fault(format!("cannot be read: {error}")))?;
    let site = args.site.as_deref().map(host).or_else(|| only_site(config));
    let mut items = Vec::new();
    let pages = pages(&text).ok_or_else(|| fault("it names no pages".to_owned()))?;
    for (n, (page, title)) in pages.into_iter().enumerate() {
        let site = page_host(&page).or_else(|| site.clone()).ok_or_else(|| {
            Failure::Usage(format!(
                "page {} is named by its path: say with --site whose it is",
                n + 1
            ))
        })?;
        items.push(NewContent {
            site,
            path: path_of(&page),
            title,
            kind: args.kind.clone(),
        });
    }
    let now = outside.clock.now();
    let registered = database::with(config, outside, async |storage, _| {
        let pool = storage.control_pool();
        let mut all = Vec::new();
        for batch in items.chunks(BATCH) {
            let done = content::register(&pool, batch, None, now).await;
            all.extend(done.map_err(systemprompt_reporting::Error::from)?);
        }
        Ok(all)
    })?;
    let count = |wanted: fn(&Registered) -> bool| registered.iter().filter(|r| wanted(r)).count();
    let created = count(|r| matches!(r, Registered::Created(_)));
    let updated = count(|r| matches!(r, Registered::Updated(_)));
    let same = count(|r| matches!(r, Registered::Same(_)));
    if args.json {
        let answer = json!({"created": created, "updated": updated, "same": same});
        return Ok(writeln!(outside.out, "{answer:#}")?);
    }
    writeln!(
        outside.out,
        "{created} new, {updated} changed, {same} the same."
    )?;
    Ok(())
}

fn remove(matches: &ArgMatches, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let args = Remove::from_arg_matches(matches).map_err(Failure::CommandLine)?;
    let path = path_of(&args.page);
    let site = page_host(&args.page).or_else(|| args.site.as_deref().map(host));
    let now = outside.clock.now();
    let failed = |error: sqlx::Error| Failure::from(systemprompt_reporting::Error::from(error));
    let site = database::with(config, outside, async |storage, _| {
        let pool = storage.control_pool();
        let site = match site {
            Some(site) => site,
            None => {
                let mut sites = content::sites_of(&pool, &path).await.map_err(failed)?;
                if sites.len() > 1 {
                    let sites = sites.join(", ");
                    return Err(Failure::Usage(format!(
                        "several sites have content at {path}: name one with --site ({sites})"
                    )));
                }
                sites.pop().unwrap_or_default()
            }
        };
        let gone = content::remove(&pool, &site, &path, None, now).await;
        match gone.map_err(failed)? {
            true => Ok(site),
            false => Err(Failure::NotFound(format!("{site}{path} is no content"))),
        }
    })?;
    writeln!(outside.out, "Removed {site}{path}.")?;
    Ok(())
}

fn host(text: &str) -> String {
    page_host(&format!("//{text}")).unwrap_or_else(|| text.to_lowercase())
}

/// The site of a profile that has one.
pub(crate) fn only_site(config: &Config) -> Option<String> {
    match config.profile.web.sites.as_slice() {
        [only] if !only.contains('*') => Some(host(only)),
        _ => None,
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(LARGEST)
            .read_to_string(&mut text)?;
    } else {
        std::fs::File::open(file)?
            .take(LARGEST)
            .read_to_string(&mut text)?;
    }
    Ok(text)
}

/// Pages with their titles; `None` where there are none.
fn pages(text: &str) -> Option<Vec<(String, String)>> {
    let pages: Vec<_> = if text.trim_start().starts_with('<') {
        locations(text).map(|page| (page, String::new())).collect()
    } else {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let (page, title) = line.split_once('\t').unwrap_or((line, ""));
                let title = title.trim().chars().filter(|c| !c.is_control());
                (page.trim().to_owned(), title.take(512).collect())
            })
            .collect()
    };
    (!pages.is_empty()).then_some(pages)
}

/// What the `<loc>` of each `<url>` of a sitemap says. Nothing else of XML is
/// needed, and nothing of it is expanded but the five characters it escapes.
fn locations(xml: &str) -> impl Iterator<Item = String> {
    let urls = xml.split("<url>").skip(1);
    urls.filter_map(|url| {
        let (_, rest) = url.split_once("<loc>")?;
        let (loc, _) = rest.split_once("</loc>")?;
        let loc = loc.trim();
        let loc = loc
            .strip_prefix("<![CDATA[")
            .and_then(|loc| loc.strip_suffix("]]>"))
            .unwrap_or(loc);
        let plain = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&apos;", "'"),
            ("&amp;", "&"),
        ];
        let loc = plain.iter().fold(loc.to_owned(), |loc, (escaped, plain)| {
            loc.replace(escaped, plain)
        });
        (!loc.is_empty()).then_some(loc)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sitemap_names_pages() {
        let xml = "<?xml version=\"1.0\"?><urlset><url><loc> https://example.com/a?x=1&amp;y=2 </loc>\
                   <image:loc>https://example.com/no.png</image:loc></url>\
                   <url><lastmod>2026</lastmod><loc><![CDATA[https://example.com/b/]]></loc></url>\
                   <url><loc></loc></url></urlset>";
        let found: Vec<_> = pages(xml)
            .expect("pages")
            .into_iter()
            .map(|(page, _)| page)
            .collect();
        assert_eq!(
            found,
            ["https://example.com/a?x=1&y=2", "https://example.com/b/"]
        );
        assert_eq!(
            pages("<sitemapindex><sitemap><loc>x</loc></sitemap></sitemapindex>"),
            None
        );
    }

    #[test]
    fn a_list_has_a_page_a_line() {
        let list = "# pages\n/a\tA\u{1b}[31m title\n\nhttps://example.com/b\n";
        let expected = [("/a", "A[31m title"), ("https://example.com/b", "")];
        let expected = expected.map(|(page, title)| (page.to_owned(), title.to_owned()));
        assert_eq!(pages(list).expect("pages"), expected);
    }
}
