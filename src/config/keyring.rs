//! The keyring: a folder with the members' seal keys, the custody master key and the roster, readable by its owner only.
//!
//! `roster.json` (the founding roster, canonical text, public), `custody.key`, `seal-<member>.key` (a member's first key) and
//! `seal-<member>-<digits>.key` (later ones, with the first 8 hex digits of the public key); 64 hex digits each, mode 0600. Which key
//! counts when, the ledger's rosters say: keys may be here before they count and after. A key that is not what its file is named after is
//! damaged, and refused.
//! A service that seals with it keeps the memory of its chain's end beside them ([`crate::sequencer::Memory`]).

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

/// Hex digits of the public key in the file name of a member's later key.
const KEY_DIGITS: usize = 8;

/// Keys as loaded.
pub struct Keyring {
    /// The founding roster.
    pub roster: Roster,
    /// The seal keys at hand, of any member and any time, with the member whose key the file's name says it is; by file name.
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

/// Makes the entries of a folder durable: without it a power cut may leave a file that was written without its name.
fn sync_folder(folder: &Path) -> Result<(), Fault> {
    let opened = fs::File::open(folder).and_then(|opened| opened.sync_all());
    opened.map_err(|e| file_fault(folder, format!("can't be made durable: {e}")))
}

/// What a seal key's name in the folder ends with when it is not its member's first: `-` and this.
fn key_digits(key: &SealKey) -> String {
    key.public().to_string().chars().take(KEY_DIGITS).collect()
}

/// Whether a label ends as that of a later key does, with the first digits of a public key.
fn names_its_key(label: &str) -> bool {
    let tail = label.rsplit_once('-').map_or("", |(_, tail)| tail);
    let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    tail.len() == KEY_DIGITS && tail.bytes().all(lower_hex) && (tail.starts_with("02") || tail.starts_with("03"))
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
    sync_folder(folder)?;
    Ok(roster)
}

/// Makes a seal key for a member, a new one or one that is to change its key, and puts it into the keyring. When this returns, the
/// key survives a power cut: only then may its public half go into a roster. Never overwrites.
///
/// # Errors
/// [`Code::ConfigFile`] with the file's name when there is no keyring or the key can't be written.
pub fn add_seal_key(folder: &Path, member: &MemberName) -> Result<SealKey, Fault> {
    let founding = read_roster(folder)?;
    let secret = Secret::new(random::bytes::<32>()?);
    let key = SealKey::from_secret(&secret)?;
    let digits = key_digits(&key);
    // Written under a name that nobody reads: dying here leaves no half key among the keys.
    let unready = folder.join(format!("seal-{member}-{digits}.unready"));
    let text = Secret::new(hex::encode(secret.expose()));
    write_new(&unready, text.expose(), 0o600)?;
    let mut names = vec![format!("seal-{member}-{digits}.key")];
    // A name that ends like a later key's file would look like one.
    if founding.member(member).is_none() && !names_its_key(member.as_str()) {
        names.push(format!("seal-{member}.key"));
    }
    place(&unready, folder, &names)?;
    fs::remove_file(&unready).map_err(|e| file_fault(&unready, format!("can't be removed: {e}")))?;
    sync_folder(folder)?;
    Ok(key)
}

/// Gives a written file the last of these names that is free. A link, unlike a renaming, never replaces what is there.
fn place(written: &Path, folder: &Path, names: &[String]) -> Result<(), Fault> {
    let mut why = None;
    for name in names.iter().rev() {
        let file = folder.join(name);
        match fs::hard_link(written, &file) {
            Ok(()) => return Ok(()),
            Err(e) => why = Some(file_fault(&file, format!("can't be made: {e}"))),
        }
    }
    Err(why.unwrap_or_else(|| file_fault(written, "no name was given for it")))
}

fn read_roster(folder: &Path) -> Result<Roster, Fault> {
    let file = folder.join("roster.json");
    if !file.exists() {
        return Err(file_fault(&file, "there is no keyring here; `piaolian keygen` makes one"));
    }
    Roster::from_text(read_text(&file)?.trim_end())
}

/// The files of seal keys in a folder with what stands between `seal-` and `.key`, by name.
fn seal_files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Fault> {
    let unreadable = |e: std::io::Error| file_fault(folder, format!("can't be read: {e}"));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(label) = name.strip_prefix("seal-").and_then(|name| name.strip_suffix(".key")) {
            files.push((label.to_owned(), file));
        }
    }
    files.sort();
    Ok(files)
}

/// A member's name may end like a later key's file name: only the key itself can tell the two apart.
fn read_seal_key(label: &str, file: &Path, founding: &Roster) -> Result<(MemberName, SealKey), Fault> {
    let key = SealKey::from_secret(&read_key(file)?)?;
    let later = label.strip_suffix(&key_digits(&key)).and_then(|rest| rest.strip_suffix('-'));
    let member = MemberName::try_from(later.unwrap_or(label)).map_err(|fault| file_fault(file, fault.message))?;
    match founding.member(&member) {
        Some(founder) if later.is_none() && founder.key != key.public() => {
            let message = format!("the key of {member} is not the one in roster.json");
            Err(Fault::new(Code::ConfigInvalid, file.display().to_string(), message))
        }
        // A damaged key is a key too, of nobody: without this it would only be missed when it should seal.
        None if later.is_none() && names_its_key(label) => {
            let digits = key_digits(&key);
            let message = format!(
                "the key in it is not the one that the file is named after: its own name ends with -{digits}.key"
            );
            Err(Fault::new(Code::ConfigInvalid, file.display().to_string(), message))
        }
        Some(_) | None => Ok((member, key)),
    }
}

impl Keyring {
    /// Loads a keyring. Members whose key is not in the folder do not seal here.
    ///
    /// # Errors
    /// [`Code::ConfigFile`] with the file's name; [`Code::ConfigInvalid`] when a founder's first key is not the one in the roster;
    /// the roster's own faults.
    pub fn load(folder: &Path) -> Result<Self, Fault> {
        let roster = read_roster(folder)?;
        let files = seal_files(folder)?;
        let seal_keys =
            files.iter().map(|(label, file)| read_seal_key(label, file, &roster)).collect::<Result<_, _>>()?;
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

    #[test]
    fn later_keys_lie_beside_the_first_ones() {
        let folder = tempfile::tempdir().unwrap();
        let roster = make(folder.path(), &chain()).unwrap();
        let (tencent, auditor) = (MemberName::try_from("tencent").unwrap(), MemberName::try_from("auditor").unwrap());
        let added = [&tencent, &auditor, &auditor].map(|member| add_seal_key(folder.path(), member).unwrap().public());
        let loaded = Keyring::load(folder.path()).unwrap();
        let keys = |member: &MemberName| -> Vec<_> {
            loaded.seal_keys.iter().filter(|(name, _)| name == member).map(|(_, key)| key.public()).collect()
        };
        assert_eq!(loaded.seal_keys.len(), 6);
        assert_eq!(loaded.roster, roster, "the founding one stays");
        assert_eq!(keys(&tencent).len(), 2);
        assert!(keys(&tencent).contains(&roster.member(&tencent).unwrap().key) && keys(&tencent).contains(&added[0]));
        assert!(keys(&auditor).contains(&added[1]) && keys(&auditor).contains(&added[2]));
        let digits = |key: usize| added[key].to_string().chars().take(8).collect::<String>();
        for file in [
            format!("seal-tencent-{}.key", digits(0)),
            "seal-auditor.key".to_owned(),
            format!("seal-auditor-{}.key", digits(2)),
        ] {
            let mode = fs::metadata(folder.path().join(&file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 8, "nothing else is left in the folder");
    }

    #[test]
    fn a_name_that_ends_like_a_key_is_a_name() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &chain()).unwrap();
        let member = MemberName::try_from("bank-02abcdef").unwrap();
        let key = add_seal_key(folder.path(), &member).unwrap().public();
        let loaded = Keyring::load(folder.path()).unwrap();
        assert!(loaded.seal_keys.iter().any(|(name, known)| *name == member && known.public() == key));
    }

    #[test]
    fn a_later_key_that_is_not_what_its_file_is_named_after_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &chain()).unwrap();
        let tencent = MemberName::try_from("tencent").unwrap();
        let digits = key_digits(&add_seal_key(folder.path(), &tencent).unwrap());
        let file = folder.path().join(format!("seal-tencent-{digits}.key"));
        let secret = fs::read_to_string(&file).unwrap();
        let other = if secret.ends_with('0') { '1' } else { '0' };
        let altered: String = secret.chars().take(63).chain([other]).collect();
        fs::write(&file, altered).unwrap();
        let fault = Keyring::load(folder.path()).map(|_| ()).unwrap_err();
        assert_eq!((fault.code, fault.path), (Code::ConfigInvalid, file.display().to_string()));
    }

    #[test]
    fn a_key_that_was_being_written_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &chain()).unwrap();
        fs::write(folder.path().join("seal-auditor-02abcdef.unready"), "12").unwrap();
        assert_eq!(Keyring::load(folder.path()).unwrap().seal_keys.len(), 3);
    }

    #[test]
    fn no_key_is_added_where_there_is_no_keyring() {
        let folder = tempfile::tempdir().unwrap();
        let added = add_seal_key(folder.path(), &MemberName::try_from("auditor").unwrap());
        assert_eq!(added.unwrap_err().code, Code::ConfigFile);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_first_key_that_is_not_the_rosters_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &chain()).unwrap();
        let file = folder.path().join("seal-tencent.key");
        fs::write(&file, "11".repeat(32)).unwrap();
        let fault = Keyring::load(folder.path()).map(|_| ()).unwrap_err();
        assert_eq!((fault.code, fault.path), (Code::ConfigInvalid, file.display().to_string()));
    }
}
