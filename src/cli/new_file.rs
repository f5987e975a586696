//! Files that a command makes: which kind by the ending of the name, and never over one that is there.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use super::Done;
use super::verify::unusable;
use crate::base::Fault;

/// Writes a new file, and says how large it is.
///
/// # Errors
/// [`crate::base::Code::CliFile`] when there is one already, or it can't be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<Done, Fault> {
    let mut file = File::create_new(path).map_err(|e| unusable(path, e))?;
    file.write_all(bytes).and_then(|()| file.flush()).map_err(|e| unusable(path, e))?;
    println!("{}: {} bytes", path.display(), bytes.len());
    Ok(Done::Well)
}
