//! What the machine itself can do and is doing: file system, load, processor time, the price of a bare fsync.

use std::fs::{File, read_dir, read_to_string};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::base::{Code, Fault};

/// The name of the threads that play the clients, as the kernel shows it.
pub const CLIENT_THREAD: &str = "bench-client";

/// The name of the sequencer's thread, as the kernel shows it.
const SEQUENCER_THREAD: &str = "sequencer";

/// Linux counts the processor time of `/proc/*/stat` in hundredths of a second on every architecture (USER_HZ).
const TICK_US: u64 = 10_000;

/// Writes of one probe: a busy disk of 4 ms an fsync keeps it under a tenth of a second.
const PROBE_WRITES: usize = 24;

/// Bytes of one probed write: a page of the file system, what the smallest commit costs.
const PROBE_BYTES: usize = 4096;

/// Processor time of this process since its start, by who used it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    /// The load generator.
    pub clients_us: u64,
    /// The sequencer's thread: execution, tree, seals, SQL.
    pub sequencer_us: u64,
    /// Everything else in this process: HTTP, JSON, checks, signatures.
    pub http_us: u64,
    /// The database server's processes, where it runs on this machine.
    pub server_us: u64,
}

impl Cpu {
    /// The time used so far; zero where the kernel does not tell.
    ///
    /// `server` is a process of the database server, by whose parent its others are known.
    pub fn now(server: Option<u32>) -> Self {
        let all = read_to_string("/proc/self/stat").ok().and_then(|line| ticks(&line)).unwrap_or(0);
        let (mut clients, mut sequencer) = (0u64, 0u64);
        for task in read_dir("/proc/self/task").into_iter().flatten().flatten() {
            // A thread may end between the listing and the reading; its time stays in the process's sum.
            let Ok(line) = read_to_string(task.path().join("stat")) else { continue };
            let used = ticks(&line).unwrap_or(0);
            match name(&line) {
                Some(name) if name.starts_with(CLIENT_THREAD) => clients = clients.saturating_add(used),
                Some(SEQUENCER_THREAD) => sequencer = sequencer.saturating_add(used),
                Some(_) | None => {}
            }
        }
        let rest = all.saturating_sub(clients).saturating_sub(sequencer);
        let us = |ticks: u64| ticks.saturating_mul(TICK_US);
        let server = server.and_then(server_ticks).unwrap_or(0);
        Self { clients_us: us(clients), sequencer_us: us(sequencer), http_us: us(rest), server_us: us(server) }
    }

    /// The time used since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            clients_us: self.clients_us.saturating_sub(before.clients_us),
            sequencer_us: self.sequencer_us.saturating_sub(before.sequencer_us),
            http_us: self.http_us.saturating_sub(before.http_us),
            server_us: self.server_us.saturating_sub(before.server_us),
        }
    }

    /// The service's own, its database server's left out.
    pub fn service_us(self) -> u64 {
        self.sequencer_us.saturating_add(self.http_us)
    }

    /// All of it.
    pub fn total_us(self) -> u64 {
        self.service_us().saturating_add(self.clients_us).saturating_add(self.server_us)
    }
}

/// The time of all children of a process's parent, and of the parent: PostgreSQL forks one process a connection and some more.
/// Nothing, when the process is no PostgreSQL.
fn server_ticks(process: u32) -> Option<u64> {
    let stat = |process: &str| read_to_string(format!("/proc/{process}/stat")).ok();
    let line = stat(&process.to_string())?;
    let parent = (name(&line)? == "postgres").then(|| parent(&line))??;
    let mut sum = ticks(&stat(parent)?)?;
    for entry in read_dir("/proc").ok()?.flatten() {
        let other = entry.file_name();
        let line = other.to_str().filter(|name| name.bytes().all(|b| b.is_ascii_digit())).and_then(stat);
        if let Some(line) = line.filter(|line| self::parent(line) == Some(parent)) {
            sum = sum.saturating_add(ticks(&line).unwrap_or(0));
        }
    }
    Some(sum)
}

/// The parent in a `stat` line: the second field behind the name.
fn parent(line: &str) -> Option<&str> {
    line.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)
}

/// The name in a `stat` line: between the first and the last parenthesis.
fn name(line: &str) -> Option<&str> {
    Some(line.split_once('(')?.1.rsplit_once(')')?.0)
}

/// `utime` and `stime` of a `stat` line: fields 14 and 15, of which the first two end at the last parenthesis.
fn ticks(line: &str) -> Option<u64> {
    let mut fields = line.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// The type of the file system that holds a folder, by the longest mount point above it.
pub fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = read_to_string("/proc/self/mounts").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    // The last of equals: what was mounted later lies on top.
    let above = mounts.filter(|(point, _)| folder.starts_with(point)).max_by_key(|(point, _)| point.len());
    above.map(|(_, kind)| kind.to_owned())
}

/// Whether a file system keeps its files in memory, where an fsync costs nothing.
pub fn is_memory(kind: &str) -> bool {
    matches!(kind, "tmpfs" | "ramfs" | "devtmpfs")
}

/// The load averages, as the kernel words them.
pub fn load() -> String {
    let text = read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// KiB of memory that this process holds, and that it held at most since [`forget_peak`]; zero where the kernel does not tell.
pub fn memory_kib() -> (u64, u64) {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    };
    (field("VmRSS:").unwrap_or(0), field("VmHWM:").unwrap_or(0))
}

/// Begins the peak anew. Says whether the kernel did it; if not, the peak is the process's from its start.
pub fn forget_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// Cores that this process may use.
pub fn cores() -> u64 {
    std::thread::available_parallelism().ok().and_then(|cores| u64::try_from(cores.get()).ok()).unwrap_or(1)
}

/// Appends a few small blocks to a file in the folder, each followed by an fsync; gives the microseconds of each.
///
/// # Errors
/// [`Code::CliFile`] when the folder can't be written.
pub fn probe_fsync(folder: &Path) -> Result<Vec<u64>, Fault> {
    let path = folder.join("fsync-probe");
    let unusable = |e: std::io::Error| Fault::new(Code::CliFile, path.display().to_string(), e.to_string());
    let mut file = File::create(&path).map_err(unusable)?;
    let block = [0x5a; PROBE_BYTES];
    let mut took_us = Vec::with_capacity(PROBE_WRITES);
    for _ in 0..PROBE_WRITES {
        let begun = Instant::now();
        file.write_all(&block).and_then(|()| file.sync_all()).map_err(unusable)?;
        took_us.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    std::fs::remove_file(&path).map_err(unusable)?;
    Ok(took_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_behind_its_name() {
        let line = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 40 0 0 20 0 3 0 1 2 3";
        assert_eq!((name(line), ticks(line), parent(line)), (Some("a) b"), Some(290), Some("1")));
        assert_eq!(ticks("nonsense"), None);
    }

    #[test]
    fn memory_is_read_and_its_peak_is_no_less() {
        let (now, peak) = memory_kib();
        assert!(now > 1_000 && peak >= now, "{now} {peak}");
    }

    #[test]
    fn a_process_that_is_no_server_has_no_servers_time() {
        assert_eq!(server_ticks(std::process::id()), None);
    }

    #[test]
    fn a_folder_in_memory_is_told_from_a_disk() {
        assert!(is_memory("tmpfs") && !is_memory("ext4"));
        assert_eq!(file_system(Path::new("/proc")).as_deref(), Some("proc"));
    }
}
