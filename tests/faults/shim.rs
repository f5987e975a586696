//! Switches the disk of a running process on and off (`shim.c`): the control file is memory that both share. Numbers are as there.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a chosen call comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ENOSPC.
    NoSpace,
    /// EIO.
    Failed,
    /// Half of it is written, and said to be.
    Short,
    /// Half of it is written, and from then on ENOSPC: how a disk fills up.
    ShortThenNoSpace,
}

/// Which calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// write, pwrite, writev; ftruncate too, where a disk fails.
    Writes,
    /// fsync, fdatasync.
    Syncs,
}

/// On which of the ledger's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    Any,
    /// Not the write-ahead log: the database file, which is written when the log is brought over.
    Main,
}

impl Kind {
    fn word(self) -> u64 {
        match self {
            Self::NoSpace => 1,
            Self::Failed => 2,
            Self::Short => 3,
            Self::ShortThenNoSpace => 4,
        }
    }
}

impl Calls {
    fn word(self) -> u64 {
        match self {
            Self::Writes => 1,
            Self::Syncs => 2,
        }
    }
}

impl Files {
    fn word(self) -> u64 {
        match self {
            Self::Any => 0,
            Self::Main => 1,
        }
    }
}

/// A disk that does as it is told.
pub struct Shim {
    library: PathBuf,
    control: PathBuf,
    file: File,
}

const KIND: u64 = 0;
const SEEN: u64 = 5;
const FIRED: u64 = 6;
const WORDS: u64 = 9;

impl Shim {
    /// Builds it, and its control file in a folder.
    pub fn in_folder(folder: &Path) -> Self {
        let (library, control) = (folder.join("shim.so"), folder.join("shim.control"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
        let mut cc = Command::new("cc");
        let built = cc.args(["-O2", "-Wall", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let file = File::options().read(true).write(true).create_new(true).open(&control).unwrap();
        file.set_len(WORDS * 8).unwrap();
        Self { library, control, file }
    }

    /// What a process needs in its environment.
    pub fn environment(&self) -> Vec<(&str, &str)> {
        vec![
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAULTS_CONTROL", self.control.to_str().unwrap()),
            ("FAULTS_FILE", "ledger.db"),
        ]
    }

    fn put(&self, word: u64, value: u64) {
        self.file.write_all_at(&value.to_le_bytes(), word * 8).unwrap();
    }

    fn get(&self, word: u64) -> u64 {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, word * 8).unwrap();
        u64::from_le_bytes(bytes)
    }

    /// From now on, the calls counted `nths` fail, the first counted 1.
    pub fn fail(&self, kind: Kind, calls: Calls, files: Files, nths: std::ops::Range<u64>) {
        self.mend();
        for (word, value) in
            [(1, calls.word()), (2, files.word()), (3, nths.start), (4, nths.end), (SEEN, 0), (FIRED, 0)]
        {
            self.put(word, value);
        }
        self.put(KIND, kind.word());
    }

    /// The disk is as good as new. Says how many calls have failed.
    pub fn mend(&self) -> u64 {
        self.put(KIND, 0);
        self.get(FIRED)
    }

    /// How many calls have failed so far.
    pub fn fired(&self) -> u64 {
        self.get(FIRED)
    }
}
