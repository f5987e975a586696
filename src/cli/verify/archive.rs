//! Documents in ZIP archives. An archive may be anybody's: how many files it has, and how much they unpack to, is limited.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::files::unusable;
use crate::base::{Code, Fault};

/// Files in one archive.
const MEMBERS_MAX: usize = 100_000;

/// Bytes that an archive's files say they unpack to, together: some 200,000 invoices.
const BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// A file in an archive.
pub struct Member {
    archive: PathBuf,
    nth: usize,
    name: PathBuf,
    bytes: u64,
}

/// Whether a file begins as ZIP archives do.
pub fn is_archive(path: &Path) -> bool {
    let mut begin = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == *b"PK\x03\x04"
}

thread_local! {
    // The archive that a thread has read from last: its directory is read once, not once a document.
    static LAST: RefCell<Option<(PathBuf, ZipArchive<File>)>> = const { RefCell::new(None) };
}

/// Works with an opened archive.
fn opened<T>(path: &Path, work: impl FnOnce(&mut ZipArchive<File>) -> T) -> Result<T, Fault> {
    LAST.with_borrow_mut(|last| {
        let kept = last.take().filter(|(of, _)| of == path);
        let (_, archive) = last.insert(kept.map_or_else(|| open(path).map(|new| (path.to_owned(), new)), Ok)?);
        Ok(work(archive))
    })
}

fn open(path: &Path) -> Result<ZipArchive<File>, Fault> {
    let file = File::open(path).map_err(|e| unusable(path, e))?;
    ZipArchive::new(file).map_err(|e| unusable(path, e))
}

/// The files in an archive, by name.
///
/// # Errors
/// [`Code::CliFile`] when it can't be read or is too large.
pub fn members(path: &Path) -> Result<Vec<Member>, Fault> {
    let mut archive = open(path)?;
    if archive.len() > MEMBERS_MAX {
        return Err(unusable(path, format!("an archive has at most {MEMBERS_MAX} files")));
    }
    let mut members = Vec::new();
    let mut bytes = 0u64;
    for nth in 0..archive.len() {
        let file = archive.by_index_raw(nth).map_err(|e| unusable(path, e))?;
        if file.is_dir() {
            continue;
        }
        bytes = bytes.saturating_add(file.size());
        let name = file.name().map_err(|e| unusable(path, e))?;
        let name = PathBuf::from(name.into_owned());
        members.push(Member { archive: path.to_owned(), nth, name, bytes: file.size() });
    }
    if bytes > BYTES_MAX {
        return Err(unusable(path, format!("an archive unpacks to at most {BYTES_MAX} bytes")));
    }
    members.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(members)
}

impl Member {
    /// Its name in the archive. Nothing is ever written there.
    pub fn path(&self) -> &Path {
        &self.name
    }

    /// As it is named in verdicts: archive and name. The name is the archive's word: what a terminal would act upon is escaped.
    pub fn label(&self) -> String {
        let name: String =
            self.name.display().to_string().chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
        format!("{}/{name}", self.archive.display())
    }

    /// Its bytes, up to a limit and one more.
    ///
    /// # Errors
    /// [`Code::CliFile`] when it can't be unpacked, or unpacks to another length than the archive says.
    pub fn read(&self, bytes_max: u64) -> Result<Vec<u8>, Fault> {
        let failed = |why: String| Fault::new(Code::CliFile, self.label(), why);
        let most = bytes_max.min(self.bytes).saturating_add(1);
        let mut bytes = Vec::new();
        opened(&self.archive, |archive| {
            let file = archive.by_index(self.nth).map_err(|e| failed(e.to_string()))?;
            file.take(most).read_to_end(&mut bytes).map_err(|e| failed(e.to_string()))
        })??;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > self.bytes) {
            return Err(failed("it unpacks to more than the archive says".to_owned()));
        }
        Ok(bytes)
    }
}
