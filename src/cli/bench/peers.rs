//! Programs of others that were measured by their own scripts on the same machine, just before (`tests/peers/run.sh`).

use std::str::FromStr;

use serde::Serialize;

/// A peer's name and rate, as given on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Invoices, or what stands for one there, a second.
    pub rate: u64,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rate) = text.split_once('=').ok_or("a peer is NAME=RATE")?;
        let rate: u64 = rate.parse().map_err(|e| format!("{rate}: {e}"))?;
        if name.is_empty() || rate == 0 {
            return Err("a peer has a name and a rate above 0".to_owned());
        }
        Ok(Self { name: name.to_owned(), rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_name_and_a_rate() {
        assert_eq!("anvil=3100".parse::<Peer>().unwrap(), Peer { name: "anvil".to_owned(), rate: 3_100 });
        for bad in ["anvil", "anvil=", "=3", "anvil=0", "anvil=3.1"] {
            assert!(bad.parse::<Peer>().is_err(), "{bad}");
        }
    }
}
