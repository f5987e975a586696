//! The document as other people's programs read it: pikepdf and fontTools look for what PDF/A-3u asks, pyHanko at the signature, zbar,
//! zxing-cpp, OpenCV and the WeChat detector at the QR code, poppler at every character that must show, ofdkit and easyofd at the
//! OFD file.
//!
//! The Python programs are in `tests/readers`, run by the interpreter that `READERS_PYTHON` names, else `python3`; they need
//! `tests/readers/requirements.txt` (`tests/run.sh` installs it into `target/readers`) and the Debian packages poppler-utils and
//! zbar-tools. A missing reader is a failure, not a skip. How many QR codes are read is `QR_CODES` (40 unless told), what is random about
//! them comes from `QR_SEED`:
//!
//!   QR_CODES=2000 cargo test --features faults --test readers codes -- --nocapture
#![cfg(feature = "server")]

#[cfg(test)]
#[path = "readers/archive.rs"]
mod archive;
#[cfg(test)]
#[path = "readers/characters.rs"]
mod characters;
#[cfg(test)]
#[path = "readers/codes.rs"]
mod codes;
#[cfg(test)]
#[path = "readers/documents.rs"]
mod documents;
#[cfg(test)]
#[path = "readers/ofd.rs"]
mod ofd;
#[cfg(test)]
#[path = "readers/python.rs"]
mod python;
#[cfg(test)]
#[path = "readers/signature.rs"]
mod signature;
