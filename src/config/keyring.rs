//! The keyring: a folder with the members' seal keys, the custody master key and the roster, readable by its owner only.
//!
//! `roster.json` (canonical text, public), `seal-<member>.key` and `custody.key` (64 hex digits each, mode 0600). A service that seals
//! with it keeps the memory of its chain's end beside them ([`crate::sequencer::Memory`]).

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::read_text;
use crate::base::ids::ChainId;
use crate::base::{Code, Fault, Secret, random};
use crate::chain::roster::{Member, MemberName, Roster};
use crate::chain::seal::SealKey;

/// The founding members (design.md 1).
pub const MEMBERS: [&str; 3] = ["kingdee", "tax-bureau", "tencent"];

/// Who proposes blocks under the local engine.
pub const PROPOSER: &str = "tax-bureau";

/// Keys as loaded.
pub struct Keyring {
    /// The roster.
    pub roster: Roster,
    /// The members' seal keys at hand.
    pub seal_keys: Vec<(MemberName, SealKey)>,
    /// The custody master key.
    pub custody: Secret<[u8; 32]>,
    /// The folder that they stand in.
    pub folder: PathBuf,
}

fn file_fault(file: &Path, what: impl std::fmt::Display) -> Fault {
    Fault::new(Code::ConfigFile, file.display().to_string(), what.to_string())
}

fn write_new(file: &Path, text: &str, mode: u32) -> Result<(), Fault> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(file);
    let mut opened = opened.map_err(|e| file_fault(file, format!("can't be made: {e}")))?;
    opened
        .write_all(text.as_bytes())
        .and_then(|()| opened.sync_all())
        .map_err(|e| file_fault(file, format!("can't be written: {e}")))
}

fn read_key(file: &Path) -> Result<Secret<[u8; 32]>, Fault> {
    let mode = fs::metadata(file).map_err(|e| file_fault(file, format!("can't be read: {e}")))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(file_fault(file, format!("others may read this key (mode {:o}); chmod 600 it", mode & 0o777)));
    }
    let text = Secret::new(read_text(file)?);
    let mut key = [0u8; 32];
    hex::decode_to_slice(text.expose().trim(), &mut key)
        .map_err(|e| file_fault(file, format!("64 hex digits: {e}")))?;
    Ok(Secret::new(key))
}

/// Makes a keyring for a new chain. Never overwrites: a lost seal key is a lost chain.
///
/// # Errors
/// [`Code::ConfigFile`] when the folder or a file is there already or can't be written.
pub fn make(folder: &Path, chain: &ChainId) -> Result<Roster, Fault> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| file_fault(folder, format!("can't be made: {e}")))?;
    let roster_file = folder.join("roster.json");
    if roster_file.exists() {
        return Err(file_fault(&roster_file, "there is a keyring here already; it is not overwritten"));
    }
    let mut members = Vec::new();
    for name in MEMBERS {
        let secret = Secret::new(random::bytes::<32>()?);
        let key = SealKey::from_secret(&secret)?.public();
        write_new(&folder.join(format!("seal-{name}.key")), &hex::encode(secret.expose()), 0o600)?;
        members.push(Member { name: MemberName::try_from(name)?, power: 1, key });
    }
    write_new(&folder.join("custody.key"), &hex::encode(random::bytes::<32>()?), 0o600)?;
    let roster = Roster::new(chain.clone(), 0, members)?;
    // Last, so that a keyring with a roster is a whole one.
    write_new(&roster_file, roster.text(), 0o644)?;
    Ok(roster)
}

impl Keyring {
    /// Loads a keyring. Members whose key is not in the folder do not seal here.
    ///
    /// # Errors
    /// [`Code::ConfigFile`] with the file's name; the roster's own faults.
    pub fn load(folder: &Path) -> Result<Self, Fault> {
        let roster_file = folder.join("roster.json");
        if !roster_file.exists() {
            return Err(file_fault(&roster_file, "there is no keyring here; `piaolian keygen` makes one"));
        }
        let roster = Roster::from_text(read_text(&roster_file)?.trim_end())?;
        let mut seal_keys = Vec::new();
        for member in roster.members() {
            let file = folder.join(format!("seal-{}.key", member.name));
            if file.exists() {
                seal_keys.push((member.name.clone(), SealKey::from_secret(&read_key(&file)?)?));
            }
        }
        Ok(Self { roster, seal_keys, custody: read_key(&folder.join("custody.key"))?, folder: folder.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> ChainId {
        ChainId::try_from("shenzhen-sandbox").unwrap()
    }

    #[test]
    fn a_keyring_loads_as_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let roster = make(folder.path(), &chain()).unwrap();
        let loaded = Keyring::load(folder.path()).unwrap();
        assert_eq!(loaded.roster.hash(), roster.hash());
        assert_eq!(loaded.seal_keys.len(), 3);
    }

    #[test]
    fn a_keyring_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &chain()).unwrap();
        assert_eq!(make(folder.path(), &chain()).unwrap_err().code, Code::ConfigFile);
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &chain()).unwrap();
        let file = folder.path().join("custody.key");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let fault = Keyring::load(folder.path()).map(|_| ()).unwrap_err();
        assert_eq!((fault.code, fault.path), (Code::ConfigFile, file.display().to_string()));
    }
}
