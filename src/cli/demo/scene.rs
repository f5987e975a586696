//! What the demonstration needs before it begins: keyring and the sandbox platform's keys, kept in the folder so that it can be
//! run again on the same ledger.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::base::ids::ChainId;
use crate::base::{Code, Fault, Faults, Secret, random};
use crate::config::keyring::{self, Keyring};
use crate::config::read_text;
use crate::parties::tencent::sandbox::Platform;

/// The chain of the demonstration.
const CHAIN: &str = "shenzhen-sandbox";

fn unusable(file: &Path, why: impl std::fmt::Display) -> Fault {
    Fault::new(Code::CliFile, file.display().to_string(), why.to_string())
}

fn write_secret(file: &Path, text: &str) -> Result<(), Fault> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    opened.and_then(|mut out| out.write_all(text.as_bytes())).map_err(|e| unusable(file, e))
}

/// Makes a folder if it is not there.
pub fn make_folder(folder: &Path) -> Result<(), Fault> {
    std::fs::create_dir_all(folder).map_err(|e| unusable(folder, e))
}

/// The members' keys.
pub fn keyring(folder: &Path) -> Result<Keyring, Faults> {
    let keys = folder.join("keys");
    if !keys.join("roster.json").exists() {
        keyring::make(&keys, &ChainId::try_from(CHAIN)?)?;
    }
    Ok(Keyring::load(&keys)?)
}

/// The sandbox twin of WeChat Pay's platform: its RSA key signs the notices.
pub fn platform(folder: &Path) -> Result<Platform, Faults> {
    let keys = folder.join("keys");
    make_folder(&keys)?;
    let (private, shared) = (keys.join("sandbox-platform.pem"), keys.join("sandbox-api-v3.key"));
    if private.exists() && shared.exists() {
        let private = Secret::new(read_text(&private)?);
        return Ok(Platform::from_pkcs8_pem(&private, Secret::new(read_text(&shared)?))?);
    }
    let platform = Platform::generate(&random::bytes()?)?;
    write_secret(&private, platform.private_key_pem()?.expose())?;
    write_secret(&shared, platform.api_v3_key().expose())?;
    Ok(platform)
}
