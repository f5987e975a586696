//! Floor 6: the only reader of environment and files of configuration. Everything below is handed what it needs.
//!
//! Order of precedence, lowest first: built-in defaults, the TOML file given by `--config`, environment variables `PIAOLIAN_*`
//! (`PIAOLIAN_WECHAT__API_V3_KEY_FILE` for nested keys), then what the command line says. `wechat.platform_keys` belongs into the
//! file: the environment knows no upper case in names, and the serials have it. An unknown key, a wrong type or a
//! missing secret stops the start and names the key. Secrets stand in files of their own, never in this file or the environment.

pub mod keyring;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::providers::{Env, Format, Serialized, Toml};
use figment::{Figment, Provider};
use serde::{Deserialize, Serialize};

use crate::base::limits::{BATCH_COMMANDS_MAX, CLOCK_GAP_DAYS_MAX, QUEUE_COMMANDS_MAX};
use crate::base::{Code, Fault, Secret};
use crate::parties::tencent::notice::NoticeVerifier;

/// Configuration of the service. Every key, with its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Database: `sqlite:<path>` or `postgres://user@host:port/database`.
    pub database: String,
    /// A replica of the database that reads go to; left out, they go to the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_database: Option<String>,
    /// Folder of seal keys, custody key and roster, as `piaolian keygen` makes it.
    pub keys: PathBuf,
    /// Address to listen on.
    pub listen: String,
    /// Where the other processes on the same database reach this one; left out, `http://<listen>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise: Option<String>,
    /// Where the service can be reached from outside; stands in QR codes.
    pub public_url: String,
    /// Threads that answer requests; 0 is one a core.
    pub workers: usize,
    /// Database connections for reading.
    pub reader_connections: u32,
    /// Commands in one block at most.
    pub batch_commands_max: usize,
    /// Commands waiting at most; above it callers get 503.
    pub queue_commands_max: usize,
    /// Days that the newest block may be old at the start; beyond them the clock is not believed and commands are refused.
    pub clock_gap_max_days: u32,
    /// Whether merchants' days are closed by themselves once they are over.
    pub close_days: bool,
    /// What to log, as `RUST_LOG` directives, for example `info` or `piaolian=debug`.
    pub log: String,
    /// WeChat Pay; left out, no notices are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechat: Option<WechatConfig>,
}

/// WeChat Pay APIv3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WechatConfig {
    /// File with the 32-character APIv3 key.
    pub api_v3_key_file: PathBuf,
    /// Platform public keys: serial (`PUB_KEY_ID_...`) to PEM file.
    pub platform_keys: BTreeMap<String, PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: "sqlite:piaolian-data/ledger.db".to_owned(),
            read_database: None,
            keys: PathBuf::from("piaolian-data/keys"),
            listen: "127.0.0.1:8080".to_owned(),
            advertise: None,
            public_url: "http://127.0.0.1:8080".to_owned(),
            workers: 0,
            reader_connections: 8,
            batch_commands_max: BATCH_COMMANDS_MAX,
            queue_commands_max: QUEUE_COMMANDS_MAX,
            clock_gap_max_days: CLOCK_GAP_DAYS_MAX,
            close_days: true,
            log: "info".to_owned(),
            wechat: None,
        }
    }
}

impl Config {
    /// Reads the configuration: defaults, then the file if one is given, then the environment.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] with the key as path; [`Code::ConfigFile`] when the file can't be read.
    pub fn load(file: Option<&Path>) -> Result<Self, Fault> {
        Self::read(file, Env::prefixed("PIAOLIAN_").split("__"))
    }

    fn read(file: Option<&Path>, environment: impl Provider) -> Result<Self, Fault> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::string(&read_text(file)?));
        }
        let config: Self = figment
            .merge(environment)
            .extract()
            .map_err(|error| Fault::new(Code::ConfigInvalid, error.path.join("."), invalid_message(&error)))?;
        config.check()?;
        Ok(config)
    }

    /// Whether the values can be used, each for itself.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] with the key as path.
    pub fn check(&self) -> Result<(), Fault> {
        let invalid = |key: &str, message: &str| Err(Fault::new(Code::ConfigInvalid, key, message));
        if self.listen.parse::<std::net::SocketAddr>().is_err() {
            return invalid("listen", "an address such as 127.0.0.1:8080");
        }
        if !is_base_url(&self.public_url) || self.public_url.len() > 100 {
            return invalid("public_url", "an http(s) URL without a slash at the end, at most 100 characters");
        }
        if self.advertise.as_ref().is_some_and(|url| !is_base_url(url)) {
            return invalid("advertise", "an http(s) URL without a slash at the end");
        }
        if !(1..=BATCH_COMMANDS_MAX).contains(&self.batch_commands_max) {
            return invalid("batch_commands_max", "1 to 512");
        }
        if self.queue_commands_max == 0 {
            return invalid("queue_commands_max", "at least 1");
        }
        if !(1..=36_500).contains(&self.clock_gap_max_days) {
            return invalid("clock_gap_max_days", "1 to 36500");
        }
        if !(1..=256).contains(&self.reader_connections) {
            return invalid("reader_connections", "1 to 256");
        }
        Ok(())
    }

    /// The verifier of payment notices, if a partner is configured.
    ///
    /// # Errors
    /// [`Code::ConfigFile`]; [`Code::WechatKeyUnusable`].
    pub fn notice_verifier(&self) -> Result<Option<NoticeVerifier>, Fault> {
        let Some(wechat) = &self.wechat else { return Ok(None) };
        let key = Secret::new(read_text(&wechat.api_v3_key_file)?.trim().to_owned());
        let pems = wechat
            .platform_keys
            .iter()
            .map(|(serial, file)| Ok((serial.as_str(), read_text(file)?)))
            .collect::<Result<Vec<_>, Fault>>()?;
        NoticeVerifier::new(pems.iter().map(|(serial, pem)| (*serial, pem.as_str())), &key).map(Some)
    }
}

fn is_base_url(url: &str) -> bool {
    (url.starts_with("http://") || url.starts_with("https://")) && !url.ends_with('/')
}

fn invalid_message(error: &figment::Error) -> String {
    match &error.metadata {
        Some(metadata) => format!("{} (from {})", error.kind, metadata.name),
        None => error.kind.to_string(),
    }
}

/// A text file, its name in the error.
pub(crate) fn read_text(file: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(file)
        .map_err(|e| Fault::new(Code::ConfigFile, file.display().to_string(), format!("can't be read: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str) -> Result<Config, Fault> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("piaolian.toml");
        std::fs::write(&file, toml).unwrap();
        Config::read(Some(&file), Figment::new())
    }

    #[test]
    fn defaults_are_the_embedded_start() {
        assert_eq!(load("").unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_stops_the_start_and_is_named() {
        let fault = load("databse = \"sqlite:x\"").unwrap_err();
        assert_eq!(fault.code, Code::ConfigInvalid);
        assert!(fault.to_string().contains("databse"), "{fault}");
    }

    #[test]
    fn a_wrong_type_names_its_key() {
        let fault = load("workers = \"many\"").unwrap_err();
        assert_eq!((fault.code, fault.path.as_str()), (Code::ConfigInvalid, "workers"));
    }

    #[test]
    fn a_nested_missing_key_is_named() {
        let fault = load("[wechat]\napi_v3_key_file = \"x\"").unwrap_err();
        assert_eq!(fault.code, Code::ConfigInvalid);
        assert!(fault.to_string().contains("platform_keys"), "{fault}");
    }

    #[test]
    fn values_out_of_range_name_their_key() {
        for (toml, key) in [
            ("listen = \"nowhere\"", "listen"),
            ("public_url = \"ftp://x\"", "public_url"),
            ("advertise = \"10.0.0.1:8080\"", "advertise"),
            ("batch_commands_max = 0", "batch_commands_max"),
            ("queue_commands_max = 0", "queue_commands_max"),
            ("clock_gap_max_days = 0", "clock_gap_max_days"),
            ("reader_connections = 0", "reader_connections"),
        ] {
            assert_eq!(load(toml).unwrap_err().path, key, "{toml}");
        }
    }

    #[test]
    fn a_missing_secret_file_is_named() {
        let config = load("[wechat]\napi_v3_key_file = \"/nowhere/key\"\nplatform_keys = {}").unwrap();
        let fault = config.notice_verifier().map(|_| ()).unwrap_err();
        assert_eq!((fault.code, fault.path.as_str()), (Code::ConfigFile, "/nowhere/key"));
    }
}
