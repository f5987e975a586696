//! Arguments that are more than text: read once, at the border.

use std::fs::File;
use std::io::Read as _;

use crate::base::{Code, Fault, random};
use crate::chain::hash::{Hash, holder_hash};
#[cfg(feature = "server")]
use crate::chain::issuer::Address;

/// Bytes that a file named behind `@` may have: salts and tokens are 64 hex digits.
const SECRET_FILE_BYTES_MAX: u64 = 4096;

/// Reads an argument as one of our own types, for clap.
///
/// # Errors
/// What the type expects.
#[cfg(feature = "server")]
pub fn read<T>(text: &str) -> Result<T, String>
where
    T: TryFrom<String, Error = Fault>,
{
    T::try_from(text.to_owned()).map_err(|fault| fault.message)
}

/// Reads an address as it is printed (EIP-55, `0x` before it) or as it stands in documents (40 lower-case hex digits), for clap.
///
/// # Errors
/// What an address looks like, a wrong checksum included.
#[cfg(feature = "server")]
pub fn address(text: &str) -> Result<Address, String> {
    let read = if text.starts_with("0x") { Address::parse_eip55(text) } else { text.parse() };
    read.map_err(|fault| fault.message)
}

/// A secret argument: as it was given, or, behind an `@`, from a file, so that it stands in no list of processes.
///
/// # Errors
/// [`Code::CliFile`].
pub fn secret(given: &str) -> Result<String, Fault> {
    let Some(file) = given.strip_prefix('@') else { return Ok(given.to_owned()) };
    let unusable = |why: std::io::Error| Fault::new(Code::CliFile, file, why.to_string());
    let mut text = String::new();
    File::open(file).map_err(unusable)?.take(SECRET_FILE_BYTES_MAX).read_to_string(&mut text).map_err(unusable)?;
    Ok(text.trim().to_owned())
}

/// A salt, 64 lower-case hex digits: together with an identity it is the proof of holding.
pub struct Salt(String);

impl Salt {
    /// A salt as it was given; the service says if it can't be one.
    ///
    /// # Errors
    /// [`Code::CliFile`].
    pub fn given(text: &str) -> Result<Self, Fault> {
        Ok(Self(secret(text)?))
    }

    /// The given salt, or a random one, which is told on standard error: who loses it loses the hold.
    ///
    /// # Errors
    /// [`Code::CliFile`]; [`Code::Internal`] without randomness.
    pub fn given_or_made(given: Option<&str>) -> Result<Self, Fault> {
        match given {
            Some(text) => Self::given(text),
            None => {
                let made = hex::encode(random::bytes::<32>()?);
                eprintln!("salt: {made}");
                Ok(Self(made))
            }
        }
    }

    /// The hex digits.
    #[cfg(feature = "server")]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands on the ledger for an identity under this salt.
    ///
    /// # Errors
    /// [`Code::ChainHashMalformed`] unless the salt is 64 lower-case hex digits.
    pub fn commitment(&self, identity: &str) -> Result<Hash, Fault> {
        let salt: Hash = self.0.parse().map_err(|_not_a_hash: Fault| {
            Fault::new(Code::ChainHashMalformed, "--salt", "a salt is 64 lower-case hex digits")
        })?;
        Ok(holder_hash(salt.as_bytes(), identity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::hash::keccak256;

    #[test]
    fn a_commitment_is_the_hash_that_the_readme_gives() {
        let salt = Salt::given(&"ab".repeat(32)).unwrap();
        let written_out = keccak256([&[5][..], &[0xab; 32], "李雷".as_bytes()].concat());
        assert_eq!(salt.commitment("李雷").unwrap(), written_out);
        for bad in ["", "ab", &"AB".repeat(32), &"zz".repeat(32)] {
            let refused = Salt::given(bad).unwrap().commitment("x").unwrap_err();
            assert_eq!((refused.code, refused.path.as_str()), (Code::ChainHashMalformed, "--salt"), "{bad}");
        }
        let [one, other] = [(); 2].map(|()| Salt::given_or_made(None).unwrap().commitment("x").unwrap());
        assert_ne!(one, other);
    }

    #[test]
    fn a_secret_may_stand_in_a_file() {
        assert_eq!(secret("abc").unwrap(), "abc");
        assert_eq!(secret("@/nowhere").unwrap_err().code, Code::CliFile);
    }

    #[cfg(feature = "server")]
    #[test]
    fn an_address_is_read_as_printed_and_as_in_documents() {
        let printed = "0x52908400098527886E0F7030069857D2E4169EE7";
        let read = address(printed).unwrap();
        assert_eq!(address(&read.to_string()).unwrap(), read);
        assert!(address(&printed.to_lowercase()).is_err() && address("0x").is_err());
    }
}
