//! Segment files: named by number, filled with zeros and synced before use, so
//! that a commit writes data and nothing else, and room is known to exist.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
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

/// Removes what a preparation that was interrupted left behind.
pub(super) fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "spare") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// A file of zeros that has its room on disk.
#[derive(Debug)]
pub(super) struct Spare {
    file: File,
    path: PathBuf,
}

impl Spare {
    /// Writes `size` zeros and syncs them.
    pub(super) fn prepare(dir: &Path, serial: u64, size: u64) -> io::Result<Self> {
        let path = dir.join(format!("{serial:06}.spare"));
        let prepared = (|| {
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .read(true)
                .open(&path)?;
            let zeros = vec![0; 1 << 20];
            let mut left = size;
            while left > 0 {
                let n = left.min(zeros.len() as u64);
                file.write_all(&zeros[..usize::try_from(n).expect("at most a mebibyte")])?;
                left -= n;
            }
            file.sync_all()?;
            Ok(file)
        })();
        match prepared {
            Ok(file) => Ok(Self { file, path }),
            Err(error) => {
                // Half a spare would only take room that is already short.
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Makes it the segment `number`. The header reaches the disk with the
    /// first sync of the segment; the name is synced here.
    pub(super) fn activate(
        self,
        dir: &Path,
        spool: SpoolId,
        number: u64,
        previous_end: u64,
    ) -> io::Result<Active> {
        self.file.write_all_at(
            &SegmentHeader {
                spool,
                number,
                previous_end,
            }
            .encode(),
            0,
        )?;
        self.file.sync_data()?;
        fs::rename(&self.path, path(dir, number))?;
        File::open(dir)?.sync_all()?;
        let size = self.file.metadata()?.len();
        Ok(Active {
            file: self.file,
            number,
            end: SEGMENT_HEADER as u64,
            size,
        })
    }
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
