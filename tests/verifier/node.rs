//! Node and what it runs: the verifier's own files, the scripts beside this one, two packages of npm.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a program printed; fails when the program does, or is not there.
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed:\n{printed}{said}");
    printed.into_owned()
}

/// One of the scripts in `tests/verifier`.
pub fn script(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(root().join("tests/verifier").join(name));
    command
}

/// One of the scripts, to be talked to.
pub fn started(name: &str) -> Child {
    let mut command = script(name);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap_or_else(|e| panic!("node does not start: {e}"))
}

/// The verifier's own command line.
pub fn command_line() -> Command {
    let mut command = Command::new("node");
    command.arg(root().join("templates/verifier/cli.mjs"));
    command
}

/// The folder of the packages that `package.json` beside this file names, installed by npm when they are not there yet.
pub static MODULES: LazyLock<PathBuf> = LazyLock::new(|| {
    let (folder, wanted) = (root().join("target/verifier"), root().join("tests/verifier/package.json"));
    std::fs::create_dir_all(&folder).unwrap();
    let mark = folder.join("installed.json");
    let read = |path: &Path| std::fs::read(path).ok();
    if read(&mark) != read(&wanted) {
        std::fs::copy(&wanted, folder.join("package.json")).unwrap();
        let options = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"];
        run(Command::new("npm").args(options).arg(&folder));
        std::fs::copy(&wanted, &mark).unwrap();
    }
    folder.join("node_modules")
});
