//! Compression of a PDF's streams: fast for what differs from invoice to invoice, thorough for what is prepared once.

use std::cell::RefCell;

use libdeflater::{CompressionLvl, Compressor};

use crate::base::{Code, Fault};

/// How hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Level 1, for fonts: three times as fast as level 6, and 3 % larger (pdf.md 5).
    Fast,
    /// Level 6, for texts: a fifth smaller than level 1.
    Usual,
    /// Level 12, for what is compressed once a process.
    Thorough,
}

thread_local! {
    // A compressor has tables of some hundred kilobytes: one a thread, not one a stream. (`CompressionLvl::fastest` is level 0, which stores.)
    static FAST: RefCell<Compressor> = RefCell::new(Compressor::new(CompressionLvl::new(1).unwrap_or_default()));
    static USUAL: RefCell<Compressor> = RefCell::new(Compressor::new(CompressionLvl::default()));
}

/// The bytes as a zlib stream: what `FlateDecode` unpacks.
///
/// # Errors
/// [`Code::RenderPdf`]; the bound is large enough, so this can't happen.
pub(super) fn deflate(bytes: &[u8], effort: Effort) -> Result<Vec<u8>, Fault> {
    match effort {
        Effort::Fast => FAST.with_borrow_mut(|compressor| with(compressor, bytes)),
        Effort::Usual => USUAL.with_borrow_mut(|compressor| with(compressor, bytes)),
        Effort::Thorough => with(&mut Compressor::new(CompressionLvl::best()), bytes),
    }
}

fn with(compressor: &mut Compressor, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut packed = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let length = compressor
        .zlib_compress(bytes, &mut packed)
        .map_err(|e| Fault::new(Code::RenderPdf, "", format!("compression: {e}")))?;
    packed.truncate(length);
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_efforts_unpack_to_what_was_packed() {
        let bytes: Vec<u8> = (0..10_000u32).map(|n| u8::try_from(n * n % 251).unwrap()).collect();
        for bytes in [&bytes[..], b""] {
            for effort in [Effort::Fast, Effort::Usual, Effort::Thorough] {
                let packed = deflate(bytes, effort).unwrap();
                let mut unpacked = vec![0; bytes.len()];
                let length = libdeflater::Decompressor::new().zlib_decompress(&packed, &mut unpacked).unwrap();
                assert_eq!((length, &unpacked[..]), (bytes.len(), bytes));
                assert!(packed.len() < bytes.len().max(20), "{effort:?} stores");
            }
        }
    }
}
