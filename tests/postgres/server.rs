//! PostgreSQL servers: databases in the one that is there, and servers of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl as _};

use crate::run::{free_port, variable};

fn required(name: &str, what: &str) -> String {
    variable(name).unwrap_or_else(|| {
        panic!("{name} is not set: these tests need PostgreSQL; run them by tests/run.sh, or set {name} to {what}")
    })
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Runs statements.
pub fn execute(url: &str, sql: &str) {
    let mut conn = PgConnection::establish(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The column `line` of every row.
pub fn lines(url: &str, sql: &str) -> Vec<String> {
    let mut conn = PgConnection::establish(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    let lines: Vec<Line> = diesel::sql_query(sql).load(&mut conn).unwrap_or_else(|error| panic!("{sql}: {error}"));
    lines.into_iter().map(|line| line.line).collect()
}

/// The one value of a query.
pub fn value(url: &str, sql: &str) -> String {
    let lines = lines(url, sql);
    assert_eq!(lines.len(), 1, "{sql}: {lines:?}");
    lines.into_iter().next().unwrap()
}

/// A database of a test's own in the server that is there; dropped at the end.
pub struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    pub fn new() -> Self {
        let server =
            required("TEST_POSTGRES", "the URL of a server, such as postgres://postgres@127.0.0.1:5432/postgres");
        Self::on(&server)
    }

    /// A database in a server named by the URL of another database of it.
    pub fn on(server: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let nth = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("piaolian_operations_{}_{nth}", std::process::id());
        execute(server, &format!("CREATE DATABASE {name}"));
        Self { server: server.to_owned(), name }
    }

    pub fn url(&self) -> String {
        at(&self.server, &self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // In a test that fails its server may be gone; that must not hide why it failed.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        match PgConnection::establish(&self.server) {
            Ok(mut conn) => drop_quietly(&mut conn, &drop),
            Err(error) => eprintln!("{} can't be dropped: {error}", self.name),
        }
    }
}

fn drop_quietly(conn: &mut PgConnection, sql: &str) {
    if let Err(error) = conn.batch_execute(sql) {
        eprintln!("{sql}: {error}");
    }
}

/// The URL of another database of the same server.
fn at(server: &str, database: &str) -> String {
    format!("{}/{database}", server.rsplit_once('/').unwrap().0)
}

/// A server of a test's own, its files in a temporary folder; stopped at the end.
pub struct Server {
    folder: tempfile::TempDir,
    pub port: u16,
}

impl Server {
    /// A new one. No power is cut in these tests: what was written is there after an immediate restart, fsync or not.
    pub fn start() -> Self {
        let server = Self { folder: folder_of_postgres(), port: free_port() };
        server.run(
            "initdb",
            &["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D", &server.data()],
        );
        server.configure();
        server.ctl(&["start"]);
        server
    }

    /// A replica of a running server, which follows it by streaming.
    pub fn replica_of(primary: &Self) -> Self {
        let replica = Self { folder: folder_of_postgres(), port: free_port() };
        let from = format!("host=127.0.0.1 port={} user=postgres application_name=replica", primary.port);
        replica.run(
            "pg_basebackup",
            &["-R", "-X", "stream", "-c", "fast", "--no-sync", "-D", &replica.data(), "-d", &from],
        );
        replica.configure();
        replica.ctl(&["start"]);
        replica
    }

    fn configure(&self) {
        let settings = format!(
            "\nlisten_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nfsync = off\nmax_connections = 200\n\
             wal_level = replica\nmax_wal_senders = 5\nhot_standby = on\n",
            self.port,
            self.folder.path().display()
        );
        let file = self.folder.path().join("data/postgresql.conf");
        let before = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, before + &settings).unwrap();
    }

    fn data(&self) -> String {
        self.folder.path().join("data").to_str().unwrap().to_owned()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let done = self.command(program, arguments).output().unwrap();
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{program} {arguments:?}: {said}\n{log}");
    }

    /// Servers refuse to run as root: then it is user postgres who runs them, as Debian's package makes it.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let folder =
            required("TEST_POSTGRES_BIN", "the folder with pg_ctl and initdb, such as /usr/lib/postgresql/15/bin");
        let program = PathBuf::from(folder).join(program);
        let mut command = if is_root() {
            let mut as_postgres = Command::new("runuser");
            as_postgres.args(["-u", "postgres", "--"]).arg(program);
            as_postgres
        } else {
            Command::new(program)
        };
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    fn ctl(&self, arguments: &[&str]) {
        let log = self.folder.path().join("log");
        self.run("pg_ctl", &[&["-D", &self.data(), "-w", "-t", "60", "-l", log.to_str().unwrap()], arguments].concat());
    }

    /// Stops it without a word to anybody and starts it again: what a crash of the server looks like to its clients.
    pub fn restart_immediately(&self) {
        self.ctl(&["restart", "-m", "immediate"]);
    }

    pub fn stop_immediately(&self) {
        self.ctl(&["stop", "-m", "immediate"]);
    }

    pub fn start_again(&self) {
        self.ctl(&["start"]);
    }

    /// The URL of a database in it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test may have stopped it already.
        let done = self.command("pg_ctl", &["-D", &self.data(), "-w", "stop", "-m", "immediate"]).output();
        if let Err(error) = done {
            eprintln!("a server of a test could not be stopped: {error}");
        }
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn folder_of_postgres() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("piaolian-postgres-").tempdir().unwrap();
    if is_root() {
        owned_by_postgres(folder.path());
    }
    folder
}

fn owned_by_postgres(folder: &Path) {
    let done = Command::new("chown").args(["-R", "postgres"]).arg(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
