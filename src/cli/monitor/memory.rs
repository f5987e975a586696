//! The monitor's memory: what each server has shown last, and how rosters later than the trusted ones are known.
//!
//! A file of two lines, the canonical text and keccak256 of it. Written beside and renamed, so that it is there in full or not at all.
//!
//! *Invariant:* a memory that is not as it was written is refused, never begun anew: whoever can make the monitor forget can hide a fork.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::ids::ChainId;
use crate::base::{Code, Fault};
use crate::chain::canonical::{FormatVersion, Object, objects, parse_canonical, to_canonical};
use crate::chain::evidence::{SealedHeader, VOUCHERS_MAX, Voucher};
use crate::chain::hash::{Hash, header_hash, keccak256};
use crate::chain::header::Header;
use crate::chain::roster::Roster;
use crate::chain::seal::Seal;
use crate::chain::verify::{Sealed, check_sealed};

/// A sealed header that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The header.
    pub header: Header,
    /// Its hash.
    pub hash: Hash,
    /// Its canonical text.
    pub text: String,
    /// Seals on it: a quorum.
    pub seals: Vec<Seal>,
    /// The power behind them.
    pub sealed: Sealed,
}

impl Checkpoint {
    /// Checks header and seals.
    ///
    /// # Errors
    /// As [`check_sealed`].
    pub fn check(text: String, seals: Vec<Seal>, chain: &ChainId, rosters: &[Roster]) -> Result<Self, Fault> {
        let (header, sealed) = check_sealed(&text, &seals, rosters)?;
        if header.chain != *chain {
            let message = format!("the header is of the chain {}, not of {chain}", header.chain);
            return Err(Fault::new(Code::VerdictChainMismatch, "header.chain", message));
        }
        Ok(Self { header, hash: header_hash(&text), text, seals, sealed })
    }
}

/// What a server has shown last.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewText {
    url: String,
    header: String,
    #[serde(deserialize_with = "objects")]
    seals: Vec<Seal>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemoryText {
    v: FormatVersion,
    chain: ChainId,
    #[serde(deserialize_with = "objects")]
    views: Vec<ViewText>,
    #[serde(deserialize_with = "objects")]
    vouchers: Vec<Voucher>,
}

/// The memory.
pub struct Memory {
    file: PathBuf,
    chain: ChainId,
    trusted: Vec<Roster>,
    rosters: Vec<Roster>,
    vouchers: Vec<(Voucher, Checkpoint)>,
    views: Vec<(String, Checkpoint)>,
    new: bool,
}

impl Memory {
    /// A memory with nothing in it yet. `trusted` MUST be rosters of one chain, at least one.
    ///
    /// # Errors
    /// [`Code::MonitorMemory`] without a roster.
    pub fn begin(file: PathBuf, trusted: Vec<Roster>) -> Result<Self, Fault> {
        let chain = trusted.first().map(|roster| roster.chain().clone());
        let chain = chain.ok_or_else(|| Fault::new(Code::MonitorMemory, "", "no roster is trusted"))?;
        let (rosters, vouchers, views) = (trusted.clone(), Vec::new(), Vec::new());
        Ok(Self { file, chain, trusted, rosters, vouchers, views, new: true })
    }

    /// Reads the memory; an empty one where there is no file. `trusted` MUST be rosters of one chain, at least one.
    ///
    /// # Errors
    /// [`Code::MonitorMemory`] when it is not as it was written, or does not hold under the trusted rosters.
    pub fn open(file: &Path, trusted: Vec<Roster>) -> Result<Self, Fault> {
        let refused = |message: String| Fault::new(Code::MonitorMemory, file.display().to_string(), message);
        let mut memory = Self::begin(file.to_owned(), trusted)?;
        let bytes = match std::fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(memory),
            Err(error) => return Err(refused(error.to_string())),
        };
        let text = unsealed(&bytes).ok_or_else(|| {
            refused(
                "the file is not as it was written: it was cut or changed. Put back a copy. To begin anew, which forgets everything \
                 that was seen, move it away yourself"
                    .to_owned(),
            )
        })?;
        memory.fill(text).map_err(|fault| refused(fault.to_string()))?;
        memory.new = false;
        Ok(memory)
    }

    fn fill(&mut self, text: &str) -> Result<(), Fault> {
        let read = serde_json::from_value(parse_canonical(text)?);
        let Object(MemoryText { chain, views, vouchers, .. }): Object<MemoryText> =
            read.map_err(|e| Fault::new(Code::MonitorMemory, "", e.to_string()))?;
        if chain != self.chain {
            let message = format!("it is of the chain {chain}, the rosters are of {}", self.chain);
            return Err(Fault::new(Code::MonitorMemory, "chain", message));
        }
        for voucher in vouchers {
            let header = Checkpoint::check(voucher.header.clone(), voucher.seals.clone(), &self.chain, &self.rosters)?;
            self.learn(voucher, header)?;
        }
        for ViewText { url, header, seals } in views {
            let view = Checkpoint::check(header, seals, &self.chain, &self.rosters)?;
            self.views.push((url, view));
        }
        Ok(())
    }

    /// Whether nothing was ever written.
    pub fn is_new(&self) -> bool {
        self.new
    }

    /// The chain that is followed.
    pub fn chain(&self) -> &ChainId {
        &self.chain
    }

    /// The rosters that were given.
    pub fn trusted(&self) -> &[Roster] {
        &self.trusted
    }

    /// The rosters that were given, and those that sealed headers have named since.
    pub fn rosters(&self) -> &[Roster] {
        &self.rosters
    }

    /// What this server has shown last.
    pub fn view(&self, url: &str) -> Option<&Checkpoint> {
        self.views.iter().find(|(of, _)| of == url).map(|(_, view)| view)
    }

    /// What all servers have shown last, those that are asked no more included.
    pub fn views(&self) -> &[(String, Checkpoint)] {
        &self.views
    }

    /// Every sealed header that is remembered: views, and headers that vouch for rosters.
    pub fn anchors(&self) -> impl Iterator<Item = &Checkpoint> {
        self.vouching().chain(self.views.iter().map(|(_, view)| view))
    }

    /// The headers that vouch for rosters, lower ones first.
    pub fn vouching(&self) -> impl Iterator<Item = &Checkpoint> {
        self.vouchers.iter().map(|(_, header)| header)
    }

    /// Remembers what a server has shown.
    pub fn remember(&mut self, url: &str, shown: Checkpoint) {
        match self.views.iter_mut().find(|(of, _)| of == url) {
            Some((_, view)) => *view = shown,
            None => self.views.push((url.to_owned(), shown)),
        }
    }

    /// Takes in a later roster with the header that vouches for it.
    ///
    /// # Errors
    /// As [`Voucher::check`].
    pub fn learn(&mut self, voucher: Voucher, header: Checkpoint) -> Result<(), Fault> {
        let roster = voucher.check(&self.chain, &self.rosters)?;
        if self.vouchers.len() >= VOUCHERS_MAX {
            return Err(Fault::new(Code::MonitorRoster, "", "more rosters than are followed: trust a later one"));
        }
        self.rosters.push(roster);
        self.vouchers.push((voucher, header));
        Ok(())
    }

    /// A checkpoint for an evidence file: with the vouchers that whoever has the trusted rosters needs for it.
    pub fn presented(&self, checkpoint: &Checkpoint) -> SealedHeader {
        let below = self.vouchers.iter().filter(|(_, header)| header.header.height < checkpoint.header.height);
        SealedHeader {
            header: checkpoint.text.clone(),
            seals: checkpoint.seals.clone(),
            vouchers: below.map(|(voucher, _)| voucher.clone()).collect(),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`Code::CliFile`].
    pub fn write(&mut self) -> Result<(), Fault> {
        let views = self.views.iter().map(|(url, view)| ViewText {
            url: url.clone(),
            header: view.text.clone(),
            seals: view.seals.clone(),
        });
        let text = to_canonical(&MemoryText {
            v: FormatVersion,
            chain: self.chain.clone(),
            views: views.collect(),
            vouchers: self.vouchers.iter().map(|(voucher, _)| voucher.clone()).collect(),
        })?;
        write_durably(&self.file, format!("{text}\n{}\n", keccak256(&text)).as_bytes())?;
        self.new = false;
        Ok(())
    }
}

/// The first line, if the second is its hash and there is nothing else.
fn unsealed(bytes: &[u8]) -> Option<&str> {
    let (text, sum) = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split_once('\n')?;
    (keccak256(text).to_string() == sum).then_some(text)
}

/// Writes a file so that after a crash it is there as it was before, or as it is now.
///
/// # Errors
/// [`Code::CliFile`].
pub fn write_durably(file: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let cannot = |e: std::io::Error| Fault::new(Code::CliFile, file.display().to_string(), e.to_string());
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut opened = File::create(&beside).map_err(cannot)?;
    opened.write_all(bytes).and_then(|()| opened.sync_all()).map_err(cannot)?;
    // Before this the old file stands, after it the new one; the folder's sync makes it last.
    std::fs::rename(&beside, file).map_err(cannot)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(cannot)
}
