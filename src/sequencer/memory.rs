//! The memory of the chain's end, outside the database: what tells a restored backup from the database that was written last.
//!
//! A file beside the keys, two slots that are written in turns, so that one that was torn leaves the other. Written after each commit
//! and before anybody is answered: whoever has an answer is remembered here, as long as the machine stays up. It is not synced with each
//! block: a machine that loses power may forget the last seconds, and then notices a backup that is older than those.
//!
//! Several processes may share the file or have one each: it is read anew whenever a process begins to lead, and one that is older than
//! the chain is no trouble.
//!
//! *Invariant:* nothing is sealed on top of a chain that does not hold the remembered block, except the record of that very loss.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::candidate::Tip;
use crate::base::{Code, Fault};
use crate::chain::hash::{Hash, keccak256};
use crate::ledger::Command;
use crate::store::Block;

/// The file's name in the keys' folder.
pub const MEMORY_FILE: &str = "checkpoint.memory";

/// What a slot begins with; the last byte is the version of the form.
const MARK: &[u8; 8] = b"piaomem\x01";

/// Mark, height, hash, size, keccak256 of all these. Numbers are big-endian.
const SLOT_BYTES: usize = 8 + 8 + 32 + 8 + 32;

/// What the checksum covers.
const COVERED_BYTES: usize = SLOT_BYTES - 32;

/// Where the slots begin: in disk sectors of their own, so that writing one can't tear the other.
const SLOTS_AT: [u64; 2] = [0, 4096];

/// The end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Height of its newest block.
    pub height: u64,
    /// Hash of that block's header.
    pub hash: Hash,
    /// Entries up to and including that block.
    pub size: u64,
}

impl From<&Block> for End {
    fn from(block: &Block) -> Self {
        Self { height: block.height, hash: block.hash, size: block.size }
    }
}

impl From<&Tip> for End {
    fn from(tip: &Tip) -> Self {
        Self { height: tip.header.height, hash: tip.hash, size: tip.header.size }
    }
}

impl End {
    fn to_slot(self) -> Vec<u8> {
        let mut slot = Vec::with_capacity(SLOT_BYTES);
        slot.extend_from_slice(MARK);
        slot.extend_from_slice(&self.height.to_be_bytes());
        slot.extend_from_slice(self.hash.as_bytes());
        slot.extend_from_slice(&self.size.to_be_bytes());
        let sum = keccak256(&slot);
        slot.extend_from_slice(sum.as_bytes());
        slot
    }

    /// `None` unless every byte is as it was written.
    fn from_slot(slot: &[u8; SLOT_BYTES]) -> Option<Self> {
        let (covered, sum) = slot.split_at_checked(COVERED_BYTES)?;
        if keccak256(covered).as_bytes().as_slice() != sum {
            return None;
        }
        let rest = covered.strip_prefix(MARK)?;
        let (height, rest) = rest.split_first_chunk::<8>()?;
        let (hash, rest) = rest.split_first_chunk::<32>()?;
        let size = rest.first_chunk::<8>()?;
        Some(Self { height: u64::from_be_bytes(*height), hash: Hash(*hash), size: u64::from_be_bytes(*size) })
    }
}

/// The database does not hold the block that is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// What is remembered.
    pub remembered: End,
    /// What the database ends with.
    pub tip: End,
}

impl Behind {
    /// [`Code::SeqRestored`], saying which of the two it is and what can be done.
    pub fn fault(&self) -> Fault {
        let Self { remembered, tip } = self;
        let what = match tip.height < remembered.height {
            true => "an older backup was restored",
            false => "this is another history",
        };
        let message = format!(
            "{what}: the database ends with block {} ({}), but block {} ({}) was sealed before and is not in it; nothing was done; put \
             the database back that holds it, or record the loss: piaolian restored --reason ...",
            tip.height, tip.hash, remembered.height, remembered.hash
        );
        Fault::new(Code::SeqRestored, "", message)
    }
}

/// Whether a command may be sealed although the database is behind the memory: only the record of that may.
pub(super) fn may_pass(command: &Command) -> bool {
    matches!(command, Command::Restored(_))
}

/// The memory, open.
#[derive(Debug)]
pub struct Memory {
    file: File,
    path: PathBuf,
    last: End,
    /// Whether `last` could not be written.
    unwritten: bool,
}

impl Memory {
    /// Opens the memory of a keyring; `None` when there is none yet.
    ///
    /// # Errors
    /// [`Code::SeqMemory`] when the file can't be read, or nothing in it is as it was written.
    pub fn find(path: &Path) -> Result<Option<Self>, Fault> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(path, "opened", &error)),
        };
        let bytes = file.metadata().map_err(|error| unusable(path, "read", &error))?.len();
        if bytes == 0 {
            // Its making was cut short before anything was sealed.
            return Ok(None);
        }
        let last = read(&file, path)?;
        Ok(Some(Self { file, path: path.to_owned(), last, unwritten: false }))
    }

    /// Makes a memory that begins with the chain as it is found.
    ///
    /// # Errors
    /// [`Code::SeqMemory`] when the file can't be written.
    pub fn make(path: &Path, found: End) -> Result<Self, Fault> {
        let made = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = made.map_err(|error| unusable(path, "made", &error))?;
        let memory = Self { file, path: path.to_owned(), last: found, unwritten: false };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let written = memory.write_both().and_then(|()| memory.file.sync_all());
        let written = written.and_then(|()| File::open(folder)?.sync_all());
        written.map_err(|error| unusable(path, "written", &error))?;
        Ok(memory)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is remembered.
    pub fn last(&self) -> End {
        self.last
    }

    /// Reads it anew: another process may have written it.
    ///
    /// # Errors
    /// [`Code::SeqMemory`].
    pub fn reread(&mut self) -> Result<(), Fault> {
        self.settle()?;
        self.last = read(&self.file, &self.path)?;
        Ok(())
    }

    /// Whether a chain that ends with `tip` holds what is remembered. `there` is the hash of its block at the remembered height.
    ///
    /// # Errors
    /// [`Behind`].
    pub fn check(&self, tip: End, there: Option<Hash>) -> Result<(), Behind> {
        let remembered = self.last;
        match tip.height >= remembered.height && there == Some(remembered.hash) {
            true => Ok(()),
            false => Err(Behind { remembered, tip }),
        }
    }

    /// Remembers a block that is durable. When that fails, the memory says so before the next block: [`Memory::settle`].
    pub fn remember(&mut self, tip: End) {
        self.last = tip;
        self.note(self.write(tip.height % 2 == 1));
    }

    /// Begins anew with a chain that does not hold what was remembered, once that is on record.
    pub fn accept(&mut self, tip: End) {
        self.last = tip;
        self.note(self.write_both());
    }

    /// Writes what could not be written, if there is something.
    ///
    /// # Errors
    /// [`Code::SeqMemory`] when it still can't: a backup restored now would not be noticed.
    pub fn settle(&mut self) -> Result<(), Fault> {
        if self.unwritten {
            self.write_both().map_err(|error| unusable(&self.path, "written", &error))?;
            self.unwritten = false;
        }
        Ok(())
    }

    /// Syncs it at an orderly end.
    pub fn sync(&self) {
        if let Err(error) = self.file.sync_data() {
            tracing::error!(%error, file = %self.path.display(), "the memory of the chain's end could not be synced");
        }
    }

    fn note(&mut self, written: io::Result<()>) {
        self.unwritten = written.is_err();
        if let Err(error) = written {
            tracing::error!(%error, file = %self.path.display(), "the memory of the chain's end could not be written");
        }
    }

    fn write_both(&self) -> io::Result<()> {
        self.write(false).and_then(|()| self.write(true))
    }

    fn write(&self, odd: bool) -> io::Result<()> {
        let [even_at, odd_at] = SLOTS_AT;
        self.file.write_all_at(&self.last.to_slot(), if odd { odd_at } else { even_at })
    }
}

/// The higher one of what the slots hold.
fn read(file: &File, path: &Path) -> Result<End, Fault> {
    let mut found = Vec::new();
    for at in SLOTS_AT {
        let mut slot = [0; SLOT_BYTES];
        match file.read_exact_at(&mut slot, at) {
            Ok(()) => found.extend(End::from_slot(&slot)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(unusable(path, "read", &error)),
        }
    }
    if found.len() < SLOTS_AT.len() {
        tracing::warn!(file = %path.display(), "a slot in the memory of the chain's end is damaged");
    }
    found.into_iter().max_by_key(|end| end.height).ok_or_else(|| damaged(path))
}

fn unusable(path: &Path, what: &str, error: &io::Error) -> Fault {
    let message = format!("the memory of the chain's end can't be {what}: {error}; nothing is sealed without it");
    Fault::new(Code::SeqMemory, path.display().to_string(), message)
}

fn damaged(path: &Path) -> Fault {
    let message = "the memory of the chain's end is damaged; nothing is sealed without it; make sure that the database is the one \
                   written last, not an older backup, then remove the file: a new one is made";
    Fault::new(Code::SeqMemory, path.display().to_string(), message)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn end(height: u64) -> End {
        End { height, hash: keccak256(height.to_be_bytes()), size: 3 * height }
    }

    fn made(height: u64) -> (tempfile::TempDir, PathBuf, Memory) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(MEMORY_FILE);
        let memory = Memory::make(&path, end(height)).unwrap();
        (folder, path, memory)
    }

    fn found(path: &Path) -> End {
        Memory::find(path).unwrap().unwrap().last()
    }

    #[test]
    fn what_is_remembered_is_found_again() {
        let (_folder, path, mut memory) = made(7);
        assert_eq!(found(&path), end(7));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for height in 8..30 {
            memory.remember(end(height));
            assert_eq!(found(&path), end(height));
        }
        assert_eq!(Memory::find(&path.with_extension("other")).unwrap().map(|memory| memory.last()), None);
    }

    #[test]
    fn a_torn_slot_leaves_the_other_and_two_are_refused() {
        let (_folder, path, mut memory) = made(7);
        memory.remember(end(8));
        memory.remember(end(9));
        let whole = std::fs::read(&path).unwrap();
        let odd = usize::try_from(SLOTS_AT[1]).unwrap();
        for byte in 0..SLOT_BYTES {
            let mut bytes = whole.clone();
            bytes[odd + byte] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(found(&path), end(8), "byte {byte} of the newer slot");
            bytes[byte] ^= 0x01;
            std::fs::write(&path, &bytes).unwrap();
            let fault = Memory::find(&path).unwrap_err();
            assert_eq!((fault.code, fault.path), (Code::SeqMemory, path.display().to_string()));
        }
        std::fs::write(&path, &whole[..10]).unwrap();
        assert_eq!(Memory::find(&path).unwrap_err().code, Code::SeqMemory);
        std::fs::write(&path, b"").unwrap();
        assert!(Memory::find(&path).unwrap().is_none(), "never written");
    }

    #[test]
    fn another_version_of_the_form_is_refused() {
        let (_folder, path, _memory) = made(7);
        let mut slot = end(7).to_slot();
        slot.truncate(COVERED_BYTES);
        slot[7] = 2;
        let sum = keccak256(&slot);
        slot.extend_from_slice(sum.as_bytes());
        std::fs::write(&path, &slot).unwrap();
        assert_eq!(Memory::find(&path).unwrap_err().code, Code::SeqMemory);
    }

    #[test]
    fn an_older_chain_and_another_history_are_told_from_the_same_and_a_longer_one() {
        let (_folder, _path, memory) = made(7);
        assert_eq!(memory.check(end(7), Some(end(7).hash)), Ok(()));
        assert_eq!(memory.check(end(9), Some(end(7).hash)), Ok(()));
        let older = memory.check(end(6), None).unwrap_err();
        assert_eq!(older, Behind { remembered: end(7), tip: end(6) });
        let fault = older.fault();
        assert_eq!(fault.code, Code::SeqRestored);
        assert!(fault.message.contains("block 6") && fault.message.contains("block 7"), "{fault}");
        assert!(fault.message.contains("older backup"), "{fault}");
        let other = memory.check(end(9), Some(end(1).hash)).unwrap_err();
        assert!(other.fault().message.contains("another history"), "{other:?}");
    }

    #[test]
    fn an_accepted_end_replaces_what_was_remembered() {
        let (_folder, path, mut memory) = made(7);
        memory.remember(end(8));
        memory.accept(end(3));
        assert_eq!(found(&path), end(3));
        memory.remember(end(4));
        assert_eq!(found(&path), end(4));
    }

    #[test]
    fn what_another_process_wrote_is_read() {
        let (_folder, path, mut memory) = made(7);
        Memory::find(&path).unwrap().unwrap().remember(end(8));
        assert_eq!(memory.last(), end(7));
        memory.reread().unwrap();
        assert_eq!(memory.last(), end(8));
    }

    #[test]
    fn what_could_not_be_written_holds_the_next_block_back_until_it_is() {
        let (_folder, path, mut memory) = made(7);
        memory.settle().unwrap();
        let writable = std::mem::replace(&mut memory.file, File::open(&path).unwrap());
        memory.remember(end(8));
        assert_eq!(memory.settle().unwrap_err().code, Code::SeqMemory);
        assert_eq!(memory.reread().unwrap_err().code, Code::SeqMemory);
        assert_eq!((found(&path), memory.last()), (end(7), end(8)));
        memory.file = writable;
        memory.settle().unwrap();
        assert_eq!(found(&path), end(8));
    }
}
