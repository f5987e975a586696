//! Tells cargo that the embedded migrations changed, of which it sees only Rust files by itself; and names the edition of the renderings.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// All that the bytes of a document follow from, besides its receipt and the service's address.
const RENDERED_FROM: [&str; 3] = ["src/render", "templates/face", "Cargo.lock"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=migrations");
    let mut files = Vec::new();
    for path in RENDERED_FROM {
        println!("cargo::rerun-if-changed={path}");
        gather(Path::new(path), &mut files)?;
    }
    files.sort();
    // FNV-1a: an accident is excluded well enough, and nobody gains by another.
    let mut hash = 0xCBF2_9CE4_8422_2325u64;
    for file in files {
        for byte in file.to_string_lossy().bytes().chain(fs::read(&file)?) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
    // Not a name with PIAOLIAN_: cargo sets it for what it runs too, and the service reads those as its configuration.
    println!("cargo::rustc-env=RENDERING_EDITION={hash:016x}");
    Ok(())
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    // A package without its lock file, or without what only the service needs, is still built.
    let Ok(about) = fs::metadata(path) else { return Ok(()) };
    if about.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        gather(&entry?.path(), files)?;
    }
    Ok(())
}
