//! Which files are verified, and what is read of them.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

#[cfg(feature = "server")]
use super::archive;
use crate::base::limits::RECEIPT_BYTES_MAX;
use crate::base::{Code, Fault};
use crate::chain::canonical::Object;
use crate::chain::roster::Roster;

/// Files that one run takes: what is found is kept in memory until it is sorted.
const FILES_MAX: usize = 5_000_000;

/// Folders within folders that are walked.
const FOLDERS_DEEP_MAX: usize = 64;

/// Bytes of a PDF that is read: a face of 2,000 lines with its fonts and receipt is a tenth of it.
#[cfg(feature = "server")]
const PDF_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The name under which a PDF carries its receipt.
#[cfg(feature = "server")]
const CARRIED: &str = "receipt.json";

/// That a file can't be used, and why.
pub fn unusable(file: &Path, why: impl std::fmt::Display) -> Fault {
    Fault::new(Code::CliFile, file.display().to_string(), why.to_string())
}

/// Reads a file up to a limit and one byte more, so that one that is too large is seen as such and not as cut off.
fn read_limited(file: &Path, bytes_max: u64) -> Result<Vec<u8>, Fault> {
    let opened = File::open(file).map_err(|e| unusable(file, e))?;
    let mut bytes = Vec::new();
    opened.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| unusable(file, e))?;
    Ok(bytes)
}

/// Reads a roster file: one roster, or a JSON array of rosters.
///
/// # Errors
/// [`Code::CliFile`].
pub fn read_rosters(file: &Path) -> Result<Vec<Roster>, Fault> {
    let text = String::from_utf8(read_limited(file, RECEIPT_BYTES_MAX)?).map_err(|e| unusable(file, e))?;
    let text = text.trim();
    if !text.starts_with('[') {
        return Ok(vec![Roster::from_text(text).map_err(|fault| unusable(file, fault))?]);
    }
    let texts: Vec<Box<RawValue>> = serde_json::from_str(text).map_err(|e| unusable(file, e))?;
    texts.iter().map(|text| Roster::from_text(text.get()).map_err(|fault| unusable(file, fault))).collect()
}

/// Where a document is read from.
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A file in a ZIP archive.
    #[cfg(feature = "server")]
    Packed(archive::Member),
    /// An archive that can't be listed, and why.
    #[cfg(feature = "server")]
    Broken(PathBuf, Fault),
}

impl Source {
    /// As it is named in verdicts.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            #[cfg(feature = "server")]
            Self::Packed(member) => member.label(),
            #[cfg(feature = "server")]
            Self::Broken(path, _) => path.display().to_string(),
        }
    }

    /// Its bytes, up to a limit and one more.
    fn read(&self, bytes_max: u64) -> Result<Vec<u8>, Fault> {
        match self {
            Self::File(path) => read_limited(path, bytes_max),
            #[cfg(feature = "server")]
            Self::Packed(member) => member.read(bytes_max),
            #[cfg(feature = "server")]
            Self::Broken(_, fault) => Err(fault.clone()),
        }
    }
}

/// The files to verify: those that were named, and in place of a folder or archive what it holds, sorted.
#[derive(Default)]
pub struct Listed {
    /// The files, in order.
    pub files: Vec<Source>,
    /// Files in folders and archives whose names do not end as documents' do, and were passed over.
    pub passed_over: usize,
}

impl Listed {
    /// Lists files, walks folders and opens archives. Links to folders are not followed. A file that is not there is listed: its own
    /// line says so.
    ///
    /// # Errors
    /// [`Code::CliFile`] for a folder or archive that can't be read or holds nothing to verify.
    pub fn of(given: &[PathBuf]) -> Result<Self, Fault> {
        let mut listed = Self::default();
        for path in given {
            let before = listed.files.len();
            if path.is_dir() {
                listed.walk(path, 0)?;
            } else {
                listed.add(path.clone())?;
            }
            if listed.files.len() == before {
                return Err(unusable(path, "nothing in it ends in .json or .pdf"));
            }
        }
        Ok(listed)
    }

    fn walk(&mut self, folder: &Path, depth: usize) -> Result<(), Fault> {
        if depth > FOLDERS_DEEP_MAX {
            return Err(unusable(folder, "folders are nested too deeply"));
        }
        let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = entries.map_err(|e| unusable(folder, e))?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let (path, kind) = (entry.path(), entry.file_type().map_err(|e| unusable(&entry.path(), e))?);
            if kind.is_dir() {
                self.walk(&path, depth.saturating_add(1))?;
            } else if (is_document(&path) || ends_in(&path, &["zip"])) && !path.is_dir() {
                self.add(path)?;
            } else {
                self.passed_over = self.passed_over.saturating_add(1);
            }
        }
        Ok(())
    }

    fn add(&mut self, path: PathBuf) -> Result<(), Fault> {
        if self.files.len() >= FILES_MAX {
            return Err(unusable(&path, format!("more than {FILES_MAX} files: verify them in parts")));
        }
        #[cfg(feature = "server")]
        if archive::is_archive(&path) {
            match archive::members(&path) {
                Ok(members) => {
                    let (documents, others): (Vec<_>, Vec<_>) =
                        members.into_iter().partition(|member| is_document(member.path()));
                    self.files.extend(documents.into_iter().map(Source::Packed));
                    self.passed_over = self.passed_over.saturating_add(others.len());
                }
                Err(fault) => self.files.push(Source::Broken(path, fault)),
            }
            return Ok(());
        }
        self.files.push(Source::File(path));
        Ok(())
    }
}

fn is_document(path: &Path) -> bool {
    ends_in(path, &["json", "pdf"])
}

fn ends_in(path: &Path, endings: &[&str]) -> bool {
    ending(path).is_some_and(|ending| endings.contains(&ending.as_str()))
}

/// What a file's name ends in, in lower case.
pub fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase)
}

/// What a file holds, by its looks.
pub enum Document {
    /// A receipt or a state proof, or what is taken for one.
    Proof(Vec<u8>),
    /// A PDF, and the receipt that it carries.
    #[cfg(feature = "server")]
    Pdf {
        /// The receipt, or what is taken for one.
        receipt: Vec<u8>,
        /// The whole file.
        pdf: Vec<u8>,
    },
    /// Equivocation evidence.
    Evidence(Vec<u8>),
}

#[derive(Deserialize)]
struct Looks<'a> {
    #[serde(borrow, default)]
    evidence: Option<&'a RawValue>,
    #[serde(borrow, default)]
    entry: Option<&'a RawValue>,
}

/// Reads a file.
///
/// # Errors
/// [`Code::CliFile`]; [`Code::VerdictReceiptMissing`] for a PDF without a receipt that could be verified.
pub fn read_document(source: &Source) -> Result<Document, Fault> {
    let bytes = source.read(RECEIPT_BYTES_MAX)?;
    if bytes.starts_with(b"%PDF-") {
        return from_pdf(source, bytes);
    }
    // The offline build reads none; and archives in archives are not opened.
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(Fault::new(
            Code::CliFile,
            source.name(),
            "this archive is not opened: unpack it, and verify what is in it",
        ));
    }
    let looks: Option<Object<Looks<'_>>> = serde_json::from_slice(&bytes).ok();
    let is_evidence = looks.is_some_and(|Object(looks)| looks.evidence.is_some() && looks.entry.is_none());
    Ok(if is_evidence { Document::Evidence(bytes) } else { Document::Proof(bytes) })
}

#[cfg(feature = "server")]
fn from_pdf(source: &Source, begun: Vec<u8>) -> Result<Document, Fault> {
    let is_whole = u64::try_from(begun.len()).is_ok_and(|length| length <= RECEIPT_BYTES_MAX);
    let pdf = if is_whole { begun } else { source.read(PDF_BYTES_MAX)? };
    if u64::try_from(pdf.len()).is_ok_and(|length| length > PDF_BYTES_MAX) {
        return Err(Fault::new(Code::CliFile, source.name(), format!("a PDF has at most {PDF_BYTES_MAX} bytes")));
    }
    let bytes_max = usize::try_from(RECEIPT_BYTES_MAX).unwrap_or(usize::MAX);
    let carried = crate::render::attachment(&pdf, CARRIED, bytes_max)?;
    let missing = || Fault::new(Code::VerdictReceiptMissing, "", "this PDF carries no receipt");
    carried.map(|receipt| Document::Pdf { receipt, pdf }).ok_or_else(missing)
}

/// Reading PDFs would bring some sixty packages into a verifier that is to be read.
#[cfg(not(feature = "server"))]
fn from_pdf(source: &Source, _begun: Vec<u8>) -> Result<Document, Fault> {
    let why = "this build reads no PDFs: save the receipt.json that the PDF carries, and verify that";
    Err(Fault::new(Code::CliFile, source.name(), why))
}
