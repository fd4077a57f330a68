//! Segment files: named by number, filled with zeros and synced before use, so
//! that a commit writes data and nothing else, and room is known to exist.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use systemprompt_domain::ids::SpoolId;

use super::format::{SEGMENT_HEADER, SegmentHeader};

const SUFFIX: &str = ".seg";

/// The path of a segment.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:012}{SUFFIX}"))
}

/// The numbers of the segments in a folder, ascending.
pub(super) fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A file of zeros that has its room on disk and its name: the next segment,
/// but for its header.
#[derive(Debug)]
pub(super) struct Spare {
    file: File,
    number: u64,
    size: u64,
}

impl Spare {
    /// Writes `size` zeros under the segment's own name, and syncs both.
    pub(super) fn prepare(dir: &Path, number: u64, size: u64) -> io::Result<Self> {
        let path = path(dir, number);
        fill(&path, size)
            .and_then(|file| File::open(dir)?.sync_all().map(|()| file))
            .map_or_else(
                |error| {
                    // Half a spare would only take room that is already short.
                    let _ = fs::remove_file(&path);
                    Err(error)
                },
                |file| Ok(Self { file, number, size }),
            )
    }

    /// Makes it a segment. Only its own bytes are written, so that whoever
    /// waits for the disk meanwhile waits for nothing else.
    pub(super) fn activate(self, spool: SpoolId, previous_end: u64) -> io::Result<Active> {
        let Self { file, number, size } = self;
        let header = SegmentHeader {
            spool,
            number,
            previous_end,
        };
        file.write_all_at(&header.encode(), 0)?;
        file.sync_data()?;
        Ok(Active {
            file,
            number,
            end: SEGMENT_HEADER as u64,
            size,
        })
    }
}

/// Writes zeros in steps, each on disk before the next: one large flush would
/// stall the commits beside it.
fn fill(path: &Path, size: u64) -> io::Result<File> {
    const STEP: u64 = 1 << 20;
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .read(true)
        .open(path)?;
    let zeros = vec![0; usize::try_from(STEP).expect("a mebibyte")];
    let mut left = size;
    while left > 0 {
        let step = left.min(STEP);
        file.write_all(&zeros[..usize::try_from(step).expect("at most a mebibyte")])?;
        file.sync_data()?;
        left -= step;
    }
    file.sync_all()?;
    Ok(file)
}

/// Whether a file is a spare that never became a segment.
pub(super) fn is_spare(file: &File) -> io::Result<bool> {
    let mut head = Vec::with_capacity(SEGMENT_HEADER);
    file.take(SEGMENT_HEADER as u64).read_to_end(&mut head)?;
    Ok(head.iter().all(|byte| *byte == 0))
}

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct Active {
    file: File,
    pub(super) number: u64,
    /// Where the next record goes.
    pub(super) end: u64,
    size: u64,
}

impl Active {
    /// Bytes that still fit.
    pub(super) const fn room(&self) -> u64 {
        self.size - self.end
    }

    /// Writes whole records that fit.
    pub(super) fn write(&mut self, records: &[u8]) -> io::Result<()> {
        self.file.write_all_at(records, self.end)?;
        self.end += records.len() as u64;
        Ok(())
    }

    /// Forces what was written to disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
