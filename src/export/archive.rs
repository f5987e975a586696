//! A ZIP archive that is sent while it is being made (PKWARE APPNOTE 6.3.3). Files are stored as they are, each with its length and its
//! CRC-32 ahead, so that a reader who goes from front to back needs no more than one who begins with the directory at the end. All that
//! stays in memory is that directory: under a hundred bytes a file.

use crate::base::{Code, Fault};

/// Version 2.0: files and folders, nothing newer.
const VERSION: [u8; 2] = 20u16.to_le_bytes();

/// Bit 11: names are UTF-8.
const FLAGS: [u8; 2] = 0x0800u16.to_le_bytes();

/// No compression: what is sent is compressed already.
const STORED: [u8; 2] = [0, 0];

/// Midnight of 1980-01-01, the first moment that the format has: the same files give the same archive.
const TIME_AND_DATE: [u8; 4] = [0, 0, 0x21, 0];

/// An archive in the making. What it gives is to be written one after the other; without [`Archive::finish`] it is no archive.
#[derive(Debug, Default)]
pub struct Archive {
    written: u32,
    files: u16,
    directory: Vec<u8>,
}

fn too_large(what: &str) -> Fault {
    Fault::new(Code::ExportTooLarge, "", format!("{what} of a ZIP archive without extensions"))
}

fn length(bytes: &[u8]) -> Result<u32, Fault> {
    u32::try_from(bytes.len()).map_err(|e| too_large(&format!("a file is too long ({e}) for the 4 GiB")))
}

impl Archive {
    /// The bytes of one more file.
    ///
    /// # Errors
    /// [`Code::ExportTooLarge`] above 65,535 files or 4 GiB in all.
    pub fn file(&mut self, name: &str, content: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let size = length(content)?.to_le_bytes();
        let name_length = u16::try_from(name.len()).map_err(|e| too_large(&format!("a name is too long ({e})")))?;
        // What the file's own header and its entry in the directory have in common.
        let mut facts = Vec::new();
        for part in [&FLAGS[..], &STORED, &TIME_AND_DATE, &crc.sum().to_le_bytes(), &size, &size] {
            facts.extend_from_slice(part);
        }
        facts.extend_from_slice(&name_length.to_le_bytes());
        let mut bytes = b"PK\x03\x04".to_vec();
        // No extra field.
        for part in [&VERSION[..], &facts, &[0, 0], name.as_bytes(), content] {
            bytes.extend_from_slice(part);
        }
        let offset = self.written.to_le_bytes();
        // No extra field, no comment, disk 0, no attributes.
        for part in [b"PK\x01\x02", &VERSION[..], &VERSION, &facts, &[0; 12], &offset, name.as_bytes()] {
            self.directory.extend_from_slice(part);
        }
        self.written = self.written.checked_add(length(&bytes)?).ok_or_else(|| too_large("more than the 4 GiB"))?;
        self.files = self.files.checked_add(1).ok_or_else(|| too_large("more than the 65,535 files"))?;
        Ok(bytes)
    }

    /// The directory, with which the archive ends.
    ///
    /// # Errors
    /// [`Code::ExportTooLarge`] above 4 GiB.
    pub fn finish(self) -> Result<Vec<u8>, Fault> {
        let Self { written, files, directory } = self;
        let size = length(&directory)?;
        written.checked_add(size).ok_or_else(|| too_large("more than the 4 GiB"))?;
        let mut bytes = directory;
        bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        for part in
            [&files.to_le_bytes()[..], &files.to_le_bytes(), &size.to_le_bytes(), &written.to_le_bytes(), &[0, 0]]
        {
            bytes.extend_from_slice(part);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;

    const FILES: [(&str, &[u8]); 3] = [("index.csv", b"a,b\n"), ("票.pdf", &[0xA5; 70_000]), ("empty", b"")];

    fn archive() -> Vec<u8> {
        let mut archive = Archive::default();
        let mut bytes: Vec<u8> = FILES.iter().flat_map(|(name, file)| archive.file(name, file).unwrap()).collect();
        bytes.extend(archive.finish().unwrap());
        bytes
    }

    #[test]
    fn a_reader_that_begins_at_the_end_finds_every_file() {
        let mut read = zip::ZipArchive::new(Cursor::new(archive())).unwrap();
        assert_eq!(read.len(), FILES.len());
        for (index, (name, content)) in FILES.into_iter().enumerate() {
            let mut file = read.by_index(index).unwrap();
            let mut found = Vec::new();
            file.read_to_end(&mut found).unwrap();
            assert_eq!((&*file.name().unwrap(), found.as_slice()), (name, content));
        }
    }

    #[test]
    fn a_reader_that_goes_from_front_to_back_finds_every_file() {
        let mut from_front = Cursor::new(archive());
        for (name, content) in FILES {
            let mut file = zip::read::read_zipfile_from_stream(&mut from_front).unwrap().unwrap();
            let mut found = Vec::new();
            file.read_to_end(&mut found).unwrap();
            assert_eq!((&*file.name().unwrap(), found.as_slice()), (name, content));
        }
    }

    #[test]
    fn an_archive_that_ends_early_is_none() {
        let whole = archive();
        for end in [whole.len() - 1, whole.len() - 22, 70_100, 30] {
            assert!(zip::ZipArchive::new(Cursor::new(&whole[..end])).is_err(), "{end}");
        }
    }
}
