//! Where ledgers are put: files in the run's folder, or databases of their own on a PostgreSQL server; made, weighed, removed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;

use crate::base::{Code, Fault, Faults};
use crate::store::{DatabaseUrl, PlainRows, ServerProbe, Store};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Database {
    /// SQLite, in the run's folder.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// A place for ledgers, as the command line names it.
#[derive(Debug, Clone)]
pub enum Place {
    /// `sqlite`: files in the run's folder.
    Folder,
    /// `postgres://...`: the server of this database, which is only connected to.
    Server(DatabaseUrl),
}

impl Place {
    /// Which database it has.
    pub fn database(&self) -> Database {
        match self {
            Self::Folder => Database::Sqlite,
            Self::Server(_) => Database::Postgres,
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "sqlite" {
            return Ok(Self::Folder);
        }
        match DatabaseUrl::parse(text) {
            Ok(url @ DatabaseUrl::Postgres(_)) => Ok(Self::Server(url)),
            Ok(DatabaseUrl::Sqlite(_)) => Err("write 'sqlite': its files are made in --dir".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A database of one ledger, removed when dropped unless it is to be kept.
pub struct Ground {
    /// Where it is.
    pub url: DatabaseUrl,
    /// Which database.
    pub database: Database,
    /// A folder for keys, and for the database if it is a file.
    pub folder: PathBuf,
    server: Option<Server>,
    keep: bool,
}

struct Server {
    url: DatabaseUrl,
    name: String,
    probe: ServerProbe,
}

/// Bytes of a ledger on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// The database's own.
    pub database_bytes: u64,
    /// Write-ahead log that a server has written so far for all of its databases; it is used again.
    pub wal_bytes: u64,
}

impl Weight {
    /// What came since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            database_bytes: self.database_bytes.saturating_sub(before.database_bytes),
            wal_bytes: self.wal_bytes.saturating_sub(before.wal_bytes),
        }
    }
}

impl Ground {
    /// Makes an empty, migrated database. `name` is the folder's below `parent` and a part of the database's.
    ///
    /// # Errors
    /// [`Code::CliFile`]; what the store says.
    pub fn make(place: &Place, parent: &Path, name: &str, keep: bool) -> Result<Self, Faults> {
        let folder = parent.join(format!("{name}-{}", place.database()).to_lowercase());
        let unusable = |e: std::io::Error| Fault::new(Code::CliFile, folder.display().to_string(), e.to_string());
        std::fs::create_dir_all(&folder).map_err(unusable)?;
        let (url, server) = match place {
            Place::Folder => (DatabaseUrl::parse(&format!("sqlite:{}", folder.join("ledger.db").display()))?, None),
            Place::Server(server) => {
                let name = format!("piaolian_bench_{}_{}", std::process::id(), name.replace('-', "_"));
                let url = Store::create_database(server, &name)?;
                let probe = ServerProbe::connect(&url)?;
                (url, Some(Server { url: server.clone(), name, probe }))
            }
        };
        let ground = Self { url, database: place.database(), folder, server, keep };
        Store::migrate(&ground.url)?;
        Ok(ground)
    }

    /// A process of the database server, if there is one on this machine.
    pub fn server_process(&self) -> Option<u32> {
        self.server.as_ref().and_then(|server| server.probe.local_process())
    }

    /// What it weighs now.
    ///
    /// # Errors
    /// What the server says.
    pub fn weigh(&mut self) -> Result<Weight, Faults> {
        if let Some(server) = &mut self.server {
            let state = server.probe.state()?;
            return Ok(Weight { database_bytes: state.database_bytes, wal_bytes: state.wal_bytes });
        }
        // Without SQLite's write-ahead log: it is brought into the file every thousand pages, and at the end.
        let file = std::fs::metadata(self.folder.join("ledger.db"));
        Ok(Weight { database_bytes: file.map_or(0, |file| file.len()), wal_bytes: 0 })
    }

    /// Microseconds of each of so many commits of one small row over one connection, in a database that holds nothing else of
    /// its size: what a client that is alone could get at best.
    ///
    /// # Errors
    /// What the store says.
    pub fn time_commits(&self, commits: i64) -> Result<Vec<u64>, Faults> {
        let mut rows = PlainRows::open(&self.url)?;
        let mut took_us = Vec::new();
        // Below the rows that the plain variant inserts.
        let first = i64::try_from(rows.count()?).unwrap_or(i64::MAX);
        for id in 0..commits {
            let begun = std::time::Instant::now();
            rows.insert(first.saturating_add(id), "one small row")?;
            took_us.push(super::load::micros(begun.elapsed()));
        }
        Ok(took_us)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        match &self.server {
            Some(server) if self.keep => eprintln!("kept the database {}", server.name),
            Some(server) => {
                if let Err(error) = Store::drop_database(&server.url, &server.name) {
                    eprintln!("the database {} can't be dropped: {error}", server.name);
                }
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_the_help_says() {
        assert_eq!("sqlite".parse::<Place>().unwrap().database(), Database::Sqlite);
        assert_eq!("postgres://u@h:1/postgres".parse::<Place>().unwrap().database(), Database::Postgres);
        for bad in ["sqlite:a.db", "postgres://h", "mysql://h/d", "SQLite"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ground_is_empty_weighed_and_commits() {
        let folder = tempfile::tempdir().unwrap();
        let mut ground = Ground::make(&Place::Folder, folder.path(), "one", false).unwrap();
        assert!(ground.weigh().unwrap().database_bytes > 0);
        assert_eq!(ground.time_commits(3).unwrap().len(), 3);
        assert_eq!(ground.time_commits(2).unwrap().len(), 2);
    }
}
