//! The reports that were written, as files lie in their folder.

use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

/// A report that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name, such as `traffic-2026-11-28`.
    pub name: String,
    /// When.
    pub at: Option<OffsetDateTime>,
    /// The size of its Markdown in bytes.
    pub bytes: u64,
    /// The file of its Markdown.
    pub markdown: PathBuf,
    /// The file of its page, if there is one.
    pub page: Option<PathBuf>,
}

impl Written {
    fn read(path: PathBuf) -> Option<Self> {
        let name = path.file_stem()?.to_str()?.to_owned();
        let is_report = name.starts_with("traffic-") && path.extension()? == "md";
        let about = path.metadata().ok().filter(|_| is_report)?;
        let page = path.with_extension("html");
        Some(Self {
            name,
            at: about.modified().ok().map(OffsetDateTime::from),
            bytes: about.len(),
            page: page.exists().then_some(page),
            markdown: path,
        })
    }
}

/// The reports in a folder, the latest day first; none where there is no folder yet.
///
/// # Errors
/// If the folder cannot be read.
pub fn written(folder: &Path) -> io::Result<Vec<Written>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<Written> = paths.filter_map(Written::read).collect();
    found.sort_by(|a, b| b.name.cmp(&a.name));
    Ok(found)
}

/// The report of a name or a day. Only what is listed is found: a name is no way to
/// another folder.
///
/// # Errors
/// If the folder cannot be read.
pub fn find(folder: &Path, name: &str) -> io::Result<Option<Written>> {
    let name = name.trim_end_matches(".md");
    let name = match name.starts_with("traffic-") {
        true => name.to_owned(),
        false => format!("traffic-{name}"),
    };
    let found = written(folder)?;
    Ok(found.into_iter().find(|report| report.name == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reports_are_found_and_the_latest_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        assert_eq!(written(&path.join("none yet")).expect("no folder"), []);
        for file in [
            "traffic-2026-11-27.md",
            "traffic-2026-11-28.md",
            "traffic-2026-11-28.html",
            "prices-2026-11-28.json",
            ".writing-x.md",
        ] {
            std::fs::write(path.join(file), "x").expect("written");
        }
        let found = written(path).expect("readable");
        let names: Vec<&str> = found.iter().map(|report| &*report.name).collect();
        assert_eq!(names, ["traffic-2026-11-28", "traffic-2026-11-27"]);
        assert!(found[0].page.is_some() && found[1].page.is_none());
        let by = |name| {
            find(path, name)
                .expect("readable")
                .map(|report| report.name)
        };
        assert_eq!(by("2026-11-27").as_deref(), Some("traffic-2026-11-27"));
        assert_eq!(by("traffic-2026-11-27.md"), by("2026-11-27"));
        assert_eq!(by("../traffic-2026-11-27"), None);
    }
}
